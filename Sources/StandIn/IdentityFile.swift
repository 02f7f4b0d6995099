internal import Glibc
package import Linux

/// A file that holds one process's number and start time as `PID START\n`. The process itself writes it before it does
/// anything else that lasts, so there is no moment at which it runs and nobody could find it again.
package enum IdentityFile {
  package static func writeOwn(_ path: String) throws(SystemError) {
    let pid = getpid()
    guard let identity = ProcessIdentity(pid: pid) else { throw SystemError("read /proc/\(pid)/stat", code: EIO) }
    try Files.write(path, "\(identity.pid) \(identity.startTime)\n")
  }

  /// Nil if there is no such file, or none with this content.
  package static func read(_ path: String) -> ProcessIdentity? {
    guard let text = try? Files.readText(path) else { return nil }
    let fields = text.split(whereSeparator: \.isWhitespace)
    guard fields.count == 2, let pid = pid_t(fields[0]), let start = UInt64(fields[1]) else { return nil }
    return ProcessIdentity(pid: pid, startTime: start)
  }
}
