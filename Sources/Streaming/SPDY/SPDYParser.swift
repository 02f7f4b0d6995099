/// Frames of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00 section 2.2, 2.6) out of bytes that come in pieces of any size. Data
/// are handed on as they come; control frames are bounded.
package struct SPDYParser {
  package enum Event: Hashable, Sendable {
    /// SYN_STREAM; with `ends` the peer sends nothing on it.
    case stream(UInt32, [SPDYHeader], ends: Bool)
    /// SYN_REPLY or HEADERS.
    case headers(UInt32, [SPDYHeader], ends: Bool)
    /// A piece of a data frame.
    case data(UInt32, [UInt8], ends: Bool)
    /// RST_STREAM with its status.
    case reset(UInt32, UInt32)
    case ping(UInt32)
    case goAway
  }

  /// Bytes of a control frame: header blocks of port-forwarding have a few dozen.
  static let longestControl = 16 * 1024

  private let expander = SPDYHeaderExpander()
  private var buffer: [UInt8] = []
  /// The data frame that is being received: its stream, what is left of it, whether it is the last.
  private var data: (stream: UInt32, left: Int, ends: Bool)?

  package init() {}

  package mutating func receive(_ bytes: some Collection<UInt8>) throws(SPDYError) -> [Event] {
    var events: [Event] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      if let current = data {
        let piece = rest.prefix(current.left)
        rest = rest.dropFirst(piece.count)
        let left = current.left - piece.count
        data = left == 0 ? nil : (current.stream, left, current.ends)
        events.append(.data(current.stream, Array(piece), ends: left == 0 && current.ends))
        continue
      }
      let missing = max(8, wanted) - buffer.count
      buffer += rest.prefix(missing)
      rest = rest.dropFirst(missing)
      guard buffer.count >= 8 else { continue }
      if buffer[0] & 0x80 == 0 {
        let frame = (stream: number(0) & 0x7FFF_FFFF, left: length, ends: buffer[4] & 1 != 0)
        buffer = []
        if frame.left > 0 { data = frame } else { events.append(.data(frame.stream, [], ends: frame.ends)) }
        continue
      }
      guard length <= Self.longestControl else {
        throw SPDYError("a control frame has \(length) bytes, at most \(Self.longestControl)")
      }
      guard buffer.count == wanted else { continue }
      if let event = try control() { events.append(event) }
      buffer = []
    }
    return events
  }

  /// The length in the header that is in the buffer.
  private var length: Int { Int(number(4) & 0xFF_FFFF) }
  private var wanted: Int { buffer.count < 8 ? 8 : 8 + (buffer[0] & 0x80 == 0 ? 0 : length) }

  private func number(_ offset: Int) -> UInt32 { buffer[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) } }

  private func control() throws(SPDYError) -> Event? {
    let version = UInt32(buffer[0] & 0x7F) << 8 | UInt32(buffer[1])
    guard version == 3 else { throw SPDYError("found version \(version) of SPDY, expected 3") }
    let type = UInt32(buffer[2]) << 8 | UInt32(buffer[3])
    let ends = buffer[4] & 1 != 0
    func require(_ count: Int) throws(SPDYError) {
      guard length >= count else { throw SPDYError("a control frame of type \(type) has only \(length) bytes") }
    }
    switch type {
    case 1:
      try require(10)
      return .stream(number(8) & 0x7FFF_FFFF, try expander.expand(Array(buffer[18...])), ends: ends)
    case 2, 8:
      try require(4)
      return .headers(number(8) & 0x7FFF_FFFF, try expander.expand(Array(buffer[12...])), ends: ends)
    case 3:
      try require(8)
      return .reset(number(8) & 0x7FFF_FFFF, number(12))
    case 6:
      try require(4)
      return .ping(number(8))
    case 7: return .goAway
    // SETTINGS and WINDOW_UPDATE: neither side of Kubernetes' streams keeps to windows. Others are to be ignored (2.2.1).
    default: return nil
    }
  }
}
