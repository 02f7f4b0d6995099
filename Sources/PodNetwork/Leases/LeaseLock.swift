internal import CLinux
internal import Glibc
internal import Linux

/// The lock of a lease folder, host-local's: flock(2) on its file `lock`. Held as long as this value lives.
struct LeaseLock: ~Copyable {
  private let file: FileDescriptor

  /// Seconds after which somebody who holds the lock is taken to be stuck: runtimes give a plugin minutes, and the work
  /// under the lock takes milliseconds.
  static let patience = 30.0

  private init(file: consuming FileDescriptor) { self.file = file }

  /// Takes the lock; makes the folder where it is missing.
  static func take(_ directory: String, patience: Double = Self.patience) throws -> LeaseLock {
    let path = "\(directory)/lock"
    let file = try openFile(path, directory)
    try wait(for: file.raw, path, patience)
    return LeaseLock(file: file)
  }

  private static func openFile(_ path: String, _ directory: String) throws(SystemError) -> FileDescriptor {
    do { return try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600) } catch  where error.code == ENOENT {
      try Files.makeDirectories(directory)
      return try FileDescriptor.open(path, O_RDWR | O_CREAT, mode: 0o600)
    }
  }

  private static func wait(for raw: CInt, _ path: String, _ patience: Double) throws {
    // Waiting in flock(2) could not be given up, so we ask again and again. Whoever works holds the lock for a tenth of a
    // millisecond; only who is stuck holds it longer, and is asked less often.
    var pause: UInt32 = 50
    let begin = Time.monotonicSeconds
    while flock(raw, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw SystemError("lock \(path)") }
      let waited = Time.monotonicSeconds - begin
      guard waited < patience else {
        var status = stat()
        let inode = fstat(raw, &status) == 0 ? UInt64(status.st_ino) : 0
        throw CNIError(
          .tryAgain,
          "\(path) has been locked for \(Int(patience)) s by \(holder(inode: inode) ?? "another process"); a plugin "
            + "holds it for milliseconds: see what that process waits for, and end it if it is stuck")
      }
      usleep(pause)
      pause = min(pause + 50, waited < 0.05 ? 300 : 2000)
    }
  }

  /// Who has a file locked, by /proc/locks: `1: FLOCK  ADVISORY  WRITE 4711 fe:01:1234 0 EOF`.
  private static func holder(inode: UInt64) -> String? {
    guard let text = try? Files.readText("/proc/locks") else { return nil }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 6, words[1] == "FLOCK", words[5].hasSuffix(":\(inode)") else { continue }
      let name = (try? Files.readText("/proc/\(words[4])/comm"))?.split(separator: "\n").first ?? "unknown"
      return "process \(words[4]) (\(name))"
    }
    return nil
  }
}
