internal import CLinux
internal import Glibc

/// Which process is meant, in a form that can be kept in a file: a number alone would mean another process once it is
/// given out again.
package struct ProcessIdentity: Hashable, Sendable {
  package let pid: CInt
  /// Field 22 of /proc/PID/stat: clock ticks after boot at which it started.
  package let startTime: UInt64

  package init(pid: CInt, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  /// The identity of a process that runs now; nil if there is none of this number.
  package init?(pid: CInt) {
    guard let text = try? Files.readText("/proc/\(pid)/stat"), let startTime = Self.startTime(inStat: text) else {
      return nil
    }
    self.init(pid: pid, startTime: startTime)
  }

  /// The second field, the command's name in parentheses, may itself hold spaces and parentheses: fields are counted
  /// from the last one.
  static func startTime(inStat text: String) -> UInt64? {
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > 19 ? UInt64(fields[19]) : nil
  }
}

/// A process that is not our child, held by a pidfd so that nobody else is ever signalled in its place.
package final class ProcessHandle: Sendable {
  package let identity: ProcessIdentity
  /// Readable once the process has ended.
  package let descriptor: FileDescriptor

  package var pid: CInt { identity.pid }

  /// Holds the process of this identity; nil if it has ended, even if its number is in use again.
  package init?(_ identity: ProcessIdentity) {
    let raw = swiftlet_pidfd_open(identity.pid)
    guard raw >= 0 else { return nil }
    descriptor = FileDescriptor(owning: raw)
    self.identity = identity
    // In this order: the descriptor holds whoever has the number now, then we look who that is.
    guard ProcessIdentity(pid: identity.pid) == identity, !hasEnded else { return nil }
  }

  /// Holds whatever process has this number now.
  package convenience init?(pid: CInt) {
    guard let identity = ProcessIdentity(pid: pid) else { return nil }
    self.init(identity)
  }

  package var hasEnded: Bool { waitReadable(descriptor.raw, timeout: 0) }

  /// Waits until it has ended; false when `timeout` seconds pass before.
  package func wait(timeout: Double? = nil) -> Bool { waitReadable(descriptor.raw, timeout: timeout) }

  /// Sends a signal. False when the process has ended already.
  @discardableResult
  package func signal(_ signal: CInt) -> Bool { swiftlet_pidfd_send_signal(descriptor.raw, signal) >= 0 }
}
