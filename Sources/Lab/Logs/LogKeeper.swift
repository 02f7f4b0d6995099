internal import Glibc
internal import Linux

/// Keeps containers' logs bounded: a log that has grown too large is copied to `NAME.1`, in the place of the copy before,
/// and emptied. The container goes on writing to the same file, always at its end, so nobody needs to tell it; what it
/// writes between copying and emptying is lost. The notes of its times go with it.
struct LogKeeper {
  let stateDirectory: String
  /// Bytes.
  let maximumSize: Int

  func cut() {
    for directory in PodDirectory.all(stateDirectory: stateDirectory) {
      for name in (try? Files.list(directory.path)) ?? [] where name.hasSuffix(".log") {
        try? cut("\(directory.path)/\(name)")
      }
    }
  }

  func cut(_ path: String) throws(SystemError) {
    var status = stat()
    guard stat(path, &status) == 0, status.st_size > maximumSize else { return }
    LogTimes.note(path)
    let times = LogTimes(ofLog: path)
    let bytes = try Files.read(path)
    let kept = bytes.suffix(maximumSize)
    try Files.write("\(path).1", Array(kept), mode: 0o644)
    try Files.write(
      LogTimes.path(ofLog: "\(path).1"), LogTimes.bytes(times.dropping(UInt64(bytes.count - kept.count))), mode: 0o644)
    try check("truncate \(path)") { truncate(path, 0) }
    try Files.remove(LogTimes.path(ofLog: path))
  }

  /// Puts a log and what belongs to it in the place of the log of the run before; there may be none.
  static func setAside(_ path: String, as previous: String) {
    for suffix in [".1", ".1.times", "", ".times"] {
      if rename(path + suffix, previous + suffix) != 0 { unlink(previous + suffix) }
    }
  }
}
