internal import CLinux
internal import Glibc

extension ChildProcess {
  /// What a program left behind.
  package struct Result: Sendable {
    package let status: Status
    package let standardOutput: [UInt8]
    package let standardError: [UInt8]
    /// The timeout passed and the program was killed.
    package let timedOut: Bool
    /// It wrote more than the limit; the rest was read and thrown away.
    package let truncated: Bool

    /// Standard output as text.
    package var output: String { String(decoding: standardOutput, as: UTF8.self) }
    /// Standard error as text.
    package var errorOutput: String { String(decoding: standardError, as: UTF8.self) }
  }

  /// Runs a program to its end and captures what it writes. Returns when the program has ended, even if a grandchild still
  /// holds its streams.
  ///
  /// - Parameters:
  ///   - input: bytes of its standard input.
  ///   - limit: how many bytes of each stream are kept.
  ///   - timeout: seconds after which it is killed.
  package static func run(
    _ argv: [String], input: [UInt8] = [], environment: [String: String]? = nil, namespace: NetworkNamespace? = nil,
    limit: Int = 16 << 20, timeout: Double? = nil
  ) throws(SystemError) -> Result {
    // A file in memory instead of a pipe: nothing to feed while we read, and no SIGPIPE.
    let source = FileDescriptor(owning: try checkedResult("memfd_create", swiftlet_memfd("stdin")))
    try source.writeAll(input)
    lseek(source.raw, 0, SEEK_SET)
    var outputEnds: [CInt] = [-1, -1]
    try checkedResult("pipe", swiftlet_pipe(&outputEnds))
    var output = Capture(raw: outputEnds[0], limit: limit)
    let outputWriter = FileDescriptor(owning: outputEnds[1])
    var errorEnds: [CInt] = [-1, -1]
    try checkedResult("pipe", swiftlet_pipe(&errorEnds))
    var errors = Capture(raw: errorEnds[0], limit: limit)
    let errorWriter = FileDescriptor(owning: errorEnds[1])

    let child = try ChildProcess(
      argv, environment: environment, standardInput: .descriptor(source.raw),
      standardOutput: .descriptor(outputWriter.raw), standardError: .descriptor(errorWriter.raw), namespace: namespace)
    close(outputWriter)
    close(errorWriter)

    let deadline = timeout.map { Time.monotonicSeconds + $0 }
    var timedOut = false
    var ended = false
    while true {
      // After the end of the program only what lies in the pipes already is read.
      var entries = [child.descriptor.raw, output.raw, errors.raw].map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      if ended { entries[0].fd = -1 }
      if output.isAtEnd { entries[1].fd = -1 }
      if errors.isAtEnd { entries[2].fd = -1 }
      let count = poll(&entries, 3, ended ? 0 : Time.pollTimeout(until: timedOut ? nil : deadline))
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError("poll")
      }
      if count == 0 {
        if ended { break }
        timedOut = true
        child.signal(SIGKILL)
        continue
      }
      if entries[1].revents != 0 { output.read() }
      if entries[2].revents != 0 { errors.read() }
      if entries[0].revents != 0 { ended = true }
      if ended && output.isAtEnd && errors.isAtEnd { break }
    }
    guard let status = child.wait() else { throw SystemError("wait for \(argv[0])", code: ECHILD) }
    return Result(
      status: status, standardOutput: output.bytes, standardError: errors.bytes, timedOut: timedOut,
      truncated: output.truncated || errors.truncated)
  }
}

private func close(_ descriptor: consuming FileDescriptor) {}

/// The reading end of a pipe and what came out of it.
private struct Capture: ~Copyable {
  private let descriptor: FileDescriptor
  private let limit: Int
  private(set) var bytes: [UInt8] = []
  private(set) var isAtEnd = false
  private(set) var truncated = false

  var raw: CInt { descriptor.raw }

  init(raw: CInt, limit: Int) {
    descriptor = FileDescriptor(owning: raw)
    self.limit = limit
  }

  /// Reads once; to be called when poll says so.
  mutating func read() {
    let room = 65536
    var count = 0
    let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
      count = Glibc.read(descriptor.raw, buffer.baseAddress, room)
      initialized = max(0, count)
    }
    if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { isAtEnd = true }
    let kept = min(chunk.count, limit - bytes.count)
    bytes += chunk[..<kept]
    if kept < chunk.count { truncated = true }
  }
}
