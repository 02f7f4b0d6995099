internal import Glibc
internal import Kubernetes
internal import Linux

/// One file of a log, held open so that it may be moved away meanwhile.
final class LogPart {
  let path: String
  let file: FileDescriptor
  private(set) var times: LogTimes

  /// Nil if there is no such file.
  init?(_ path: String) {
    guard let file = try? FileDescriptor.open(path) else { return nil }
    self.path = path
    self.file = file
    times = LogTimes(ofLog: path)
  }

  /// Bytes it has now.
  var length: UInt64 {
    var status = stat()
    return fstat(file.raw, &status) == 0 ? UInt64(status.st_size) : 0
  }

  func readTimesAgain() { times = LogTimes(ofLog: path) }

  func read(at offset: UInt64, _ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = max(0, pread(file.raw, buffer.baseAddress, count, off_t(offset)))
    }
  }

  /// Where the last lines begin, and how many are missing because the file has not so many. A line that has no end yet
  /// counts.
  func start(ofLastLines count: Int, length: UInt64) -> (offset: UInt64, missing: Int) {
    if count == 0 { return (length, 0) }
    let step: UInt64 = 32 * 1024
    var found = 0
    var end = length
    while end > 0 {
      let begin = end > step ? end - step : 0
      let bytes = read(at: begin, Int(end - begin))
      for index in bytes.indices.reversed() where bytes[index] == 0x0A {
        let offset = begin + UInt64(index)
        // The newline at the very end closes the last line, it does not begin one.
        if offset + 1 == length { continue }
        found += 1
        if found == count { return (offset + 1, 0) }
      }
      end = begin
    }
    return (0, length == 0 ? count : count - found - 1)
  }
}
