internal import CLinux
internal import Glibc
package import Linux
internal import Synchronization

/// Ctrl-C and SIGTERM as something to ask for between two steps, so that what was made can be taken away. Another signal a
/// second later or more ends the program at once; one that follows closer is the same wish, which timeout(1) and some
/// shells tell twice.
package final class Interruption: Sendable {
  /// Thrown by `check` after the signal came.
  package struct Interrupted: Error, CustomStringConvertible {
    package let description = "interrupted"
  }

  private let hasCome = Atomic(false)

  /// Blocks the signals and starts to listen; call it before any other thread is started.
  package init() throws(SystemError) {
    let signals = [SIGINT, SIGTERM, SIGHUP]
    Signals.block(signals)
    let source = try Signals.descriptor(signals).release()
    _ = Thread("signals") { [self] in
      let descriptor = FileDescriptor(owning: source)
      var first: Double?
      while true {
        var entry = pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0)
        poll(&entry, 1, -1)
        if Signals.read(descriptor).isEmpty { continue }
        if let first, Time.monotonicSeconds - first >= 1 { _exit(130) }
        first = first ?? Time.monotonicSeconds
        hasCome.store(true, ordering: .relaxed)
      }
    }
  }

  package func check() throws(Interrupted) {
    if hasCome.load(ordering: .relaxed) { throw Interrupted() }
  }

  /// Waits a moment, at most as long as nothing interrupts.
  package func sleep(_ seconds: Double) throws(Interrupted) {
    let end = Time.monotonicSeconds + seconds
    while Time.monotonicSeconds < end {
      try check()
      usleep(UInt32(min(0.05, max(0.001, end - Time.monotonicSeconds)) * 1e6))
    }
  }
}
