internal import CLinux
internal import Glibc
internal import Linux
internal import Netlink

/// A thread that hears of every commit to nf_tables and tells when someone else touched one of our tables.
final class TableWatch: Sendable {
  private let wake: EventSignal
  private let thread: Thread

  /// `ports` are the port ids of our own sockets, whose commits are no news.
  init(
    _ tables: [(family: NFFamily, name: String)], ignoring ports: [UInt32], onChange: @escaping @Sendable () -> Void
  ) throws {
    let events = try NFTablesEvents(ignoring: ports)
    let wake = try EventSignal()
    self.wake = wake
    thread = Thread("table-watch") {
      while wake.wait(or: events.descriptor) {
        var isOurs = false
        while let more = try? events.receive(wait: false), !more.isEmpty {
          for event in more {
            switch event {
            case .changed(let family, let table):
              if tables.contains(where: { $0.family == family && $0.name == table }) { isOurs = true }
            case .lost: isOurs = true
            case .committed: break
            }
          }
        }
        if isOurs { onChange() }
      }
    }
  }

  /// Ends the thread and waits for it. Call it once.
  func stop() {
    wake.signal()
    thread.join()
  }
}

/// Something a thread can wait for beside a descriptor.
private final class EventSignal: Sendable {
  private let descriptor: FileDescriptor

  init() throws(SystemError) {
    descriptor = FileDescriptor(owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC)) })
  }

  func signal() { eventfd_write(descriptor.raw, 1) }

  /// Waits until the other descriptor is readable; false once `signal` was called.
  func wait(or other: CInt) -> Bool {
    var entries = [
      pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&entries, 2, -1) < 0 && errno == EINTR {}
    return entries[1].revents == 0
  }
}
