internal import ControlPlane
internal import Glibc
internal import Kubernetes
internal import Linux

/// Reads what a container has written as `pods/log` asks for it, piece by piece, in bounded memory.
final class LogReader {
  private static let piece = 32 * 1024

  private let options: PodLogOptions
  /// The part before the last cut, and the file that grows.
  private var older: LogPart?
  private let current: LogPart
  private var offset: UInt64
  private var olderOffset: UInt64
  /// The next byte begins a line.
  private var isLineStart = true
  /// Bytes that may still be given.
  private var left: Int

  /// Nil if the container has written nothing ever.
  init?(_ path: String, _ options: PodLogOptions) {
    guard let current = LogPart(path) else { return nil }
    self.options = options
    self.current = current
    older = LogPart("\(path).1")
    left = options.limit ?? .max
    offset = 0
    olderOffset = 0
    if let since = options.since {
      offset = current.times.offset(since: since)
      olderOffset = older?.times.offset(since: since) ?? 0
    }
    guard let lines = options.tailLines else { return }
    let (start, missing) = current.start(ofLastLines: lines, length: current.length)
    offset = max(offset, start)
    let olderLength = older?.length ?? 0
    let olderStart = older?.start(ofLastLines: missing, length: olderLength).offset ?? 0
    olderOffset = max(olderOffset, missing == 0 ? olderLength : olderStart)
  }

  /// The limit of bytes is reached.
  var isExhausted: Bool { left <= 0 }
  /// Of the file that grows, to be told when it does.
  var path: String { current.path }

  /// The next bytes; empty where there are none now.
  func next() -> [UInt8] {
    if let part = older {
      let bytes = part.read(at: olderOffset, Self.piece)
      if !bytes.isEmpty {
        defer { olderOffset += UInt64(bytes.count) }
        return dressed(bytes, at: olderOffset, part.times)
      }
      older = nil
    }
    // The log was cut: it goes on from its beginning.
    if current.length < offset { offset = 0 }
    let bytes = current.read(at: offset, Self.piece)
    if bytes.isEmpty { return [] }
    if options.timestamps, current.times.time(at: offset + UInt64(bytes.count) - 1) == nil { current.readTimesAgain() }
    defer { offset += UInt64(bytes.count) }
    return dressed(bytes, at: offset, current.times)
  }

  /// With a time before each line, if asked for, and no more than the limit.
  private func dressed(_ bytes: [UInt8], at start: UInt64, _ times: LogTimes) -> [UInt8] {
    var output: [UInt8] = []
    if options.timestamps {
      for (index, byte) in bytes.enumerated() {
        if isLineStart {
          let time = times.time(at: start + UInt64(index)) ?? .now()
          output += Array("\(time.nanoDescription) ".utf8)
        }
        output.append(byte)
        isLineStart = byte == 0x0A
      }
    } else {
      output = bytes
    }
    if output.count > left { output = Array(output.prefix(left)) }
    left -= output.count
    return output
  }
}
