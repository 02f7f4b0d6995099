internal import CLinux
internal import Glibc

/// Wakes a thread that waits for a descriptor (eventfd(2)).
package final class EventSignal: Sendable {
  private let descriptor: FileDescriptor

  package init() throws(SystemError) {
    descriptor = FileDescriptor(owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC)) })
  }

  /// Ends this and every later wait.
  package func signal() { eventfd_write(descriptor.raw, 1) }

  /// For poll(2): readable once `signal` was called. Borrowed.
  package var raw: CInt { descriptor.raw }

  /// Waits until the other descriptor is readable; false once `signal` was called.
  package func wait(or other: CInt) -> Bool {
    var entries = [
      pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&entries, 2, -1) < 0 && errno == EINTR {}
    return entries[1].revents == 0
  }
}
