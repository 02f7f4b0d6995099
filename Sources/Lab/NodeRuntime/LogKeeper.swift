internal import Glibc
internal import Linux

/// Keeps containers' logs bounded: a log that has grown too large is copied to `NAME.1`, in the place of the copy before,
/// and emptied. The container goes on writing to the same file, always at its end, so nobody needs to tell it; what it
/// writes between copying and emptying is lost.
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
    try Files.write("\(path).1", Array(try Files.read(path).suffix(maximumSize)), mode: 0o644)
    try check("truncate \(path)") { truncate(path, 0) }
  }
}
