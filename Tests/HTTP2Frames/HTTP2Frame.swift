/// A frame of HTTP/2 (RFC 9113 section 4.1), written and read by hand: an oracle that shares nothing with the library.
package struct HTTP2Frame: Hashable, Sendable {
  package enum Kind: UInt8, Sendable {
    case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate, continuation
  }

  package var type: UInt8
  package var flags: UInt8
  package var stream: UInt32
  package var payload: [UInt8]

  package init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
    type = kind.rawValue
    self.flags = flags
    self.stream = stream
    self.payload = payload
  }

  package var kind: Kind? { Kind(rawValue: type) }

  package static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  /// How a client begins.
  package static let hello = preface + HTTP2Frame(.settings).bytes
  package static let endOfStream: UInt8 = 1
  package static let endOfHeaders: UInt8 = 4
  package static let acknowledgement: UInt8 = 1

  package var bytes: [UInt8] {
    let length = payload.count
    return [UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
      + Self.integer(stream) + payload
  }

  package static func integer(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }
  }

  /// The whole frames at the beginning of the bytes, which are taken out of them.
  package static func take(_ bytes: inout [UInt8]) -> [HTTP2Frame] {
    var frames: [HTTP2Frame] = []
    while bytes.count >= 9 {
      let length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
      guard bytes.count >= 9 + length else { break }
      var frame = HTTP2Frame(.data, flags: bytes[4], Array(bytes[9..<(9 + length)]))
      frame.type = bytes[3]
      frame.stream = bytes[5..<9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
      frames.append(frame)
      bytes.removeFirst(9 + length)
    }
    return frames
  }

  /// HEADERS of a request, each field a literal that is not indexed (RFC 7541 section 6.2.2).
  package static func request(
    _ stream: UInt32, _ method: String = "GET", _ path: String, _ fields: [(String, String)] = [], isWhole: Bool = true
  ) -> HTTP2Frame {
    let all =
      [(":method", method), (":scheme", "https"), (":authority", "dns.example"), (":path", path)] + fields
    let block: [UInt8] = all.flatMap { field -> [UInt8] in [0] + text(field.0) + text(field.1) }
    return HTTP2Frame(
      .headers, flags: endOfHeaders | (isWhole ? endOfStream : 0), stream: stream, block)
  }

  private static func text(_ text: String) -> [UInt8] {
    var rest = text.utf8.count
    guard rest >= 127 else { return [UInt8(rest)] + text.utf8 }
    var length: [UInt8] = [127]
    rest -= 127
    while rest >= 128 {
      length.append(UInt8(rest & 127) | 128)
      rest >>= 7
    }
    return length + [UInt8(rest)] + text.utf8
  }

  /// The status at the beginning of an answer's HEADERS: from the static table, or the first literal of its kind on the
  /// connection; nil for what is written in another way.
  package var status: Int? {
    guard kind == .headers, let first = payload.first else { return nil }
    let known = [0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500]
    if let status = known[Int(first)] { return status }
    return first == 0x48 && payload.count >= 5 && payload[1] == 3
      ? Int(String(decoding: payload[2..<5], as: UTF8.self)) : nil
  }

  /// Why the connection or the stream ends (RFC 9113 section 7), of GOAWAY and RST_STREAM.
  package var error: UInt32? {
    let start = kind == .goAway ? 4 : kind == .reset ? 0 : nil
    guard let start, payload.count >= start + 4 else { return nil }
    return payload[start..<(start + 4)].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
