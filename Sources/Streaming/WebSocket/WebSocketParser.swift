/// Frames of a WebSocket (RFC 6455 section 5) out of bytes that come in pieces of any size. Payloads are handed on as they
/// come, so that a message of any length needs no memory.
package struct WebSocketParser: Sendable {
  package enum Event: Hashable, Sendable {
    /// A piece of a message; a message may be one piece or many, its last one may be empty.
    case data([UInt8], begins: Bool, ends: Bool)
    case ping([UInt8])
    case pong
    /// Nil: without a code.
    case close(UInt16?)
  }

  private enum Opcode: UInt8 {
    case continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10
    var isControl: Bool { rawValue >= 8 }
  }

  private struct Frame {
    let opcode: Opcode
    let isLast: Bool
    let mask: [UInt8]?
    let length: UInt64
    var received: UInt64 = 0
    /// Of a control frame, which is handed on whole.
    var payload: [UInt8] = []
  }

  /// Clients mask what they send, servers do not (section 5.1).
  private let expectsMask: Bool
  private var header: [UInt8] = []
  private var frame: Frame?
  /// Within a message of several frames.
  private var isFragmented = false

  package init(expectsMask: Bool = true) { self.expectsMask = expectsMask }

  package mutating func receive(_ bytes: some Collection<UInt8>) throws(WebSocketError) -> [Event] {
    var events: [Event] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty || frame != nil {
      if var current = frame {
        let count = Int(min(UInt64(rest.count), current.length - current.received))
        if count == 0, current.received < current.length { break }
        var payload = Array(rest.prefix(count))
        rest = rest.dropFirst(count)
        if let mask = current.mask {
          let offset = Int(current.received & 3)
          for index in payload.indices { payload[index] ^= mask[(offset + index) & 3] }
        }
        let begins = current.received == 0
        current.received += UInt64(count)
        let isWhole = current.received == current.length
        if current.opcode.isControl {
          current.payload += payload
          if isWhole { events.append(try Self.control(current)) }
        } else {
          events.append(
            .data(payload, begins: begins && current.opcode != .continuation, ends: isWhole && current.isLast))
        }
        frame = isWhole ? nil : current
      } else {
        guard let byte = rest.popFirst() else { break }
        header.append(byte)
        guard let new = try parseHeader() else { continue }
        header = []
        frame = new
      }
    }
    return events
  }

  /// The frame whose header is complete.
  private mutating func parseHeader() throws(WebSocketError) -> Frame? {
    guard header.count >= 2 else { return nil }
    guard header[0] & 0x70 == 0 else { throw WebSocketError("a reserved bit is set and no extension was agreed on") }
    guard let opcode = Opcode(rawValue: header[0] & 0x0F) else {
      throw WebSocketError("opcode \(header[0] & 0x0F) is not known")
    }
    let isLast = header[0] & 0x80 != 0
    let isMasked = header[1] & 0x80 != 0
    guard isMasked == expectsMask else {
      throw WebSocketError(expectsMask ? "a client's frame is not masked" : "a server's frame is masked")
    }
    let short = header[1] & 0x7F
    let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
    if opcode.isControl, !isLast || short > 125 { throw WebSocketError("a control frame is too long or in pieces") }
    if !opcode.isControl, (opcode == .continuation) != isFragmented {
      throw WebSocketError(isFragmented ? "a message begins within another" : "a message goes on that has not begun")
    }
    guard header.count == 2 + lengthBytes + (isMasked ? 4 : 0) else { return nil }
    var length = UInt64(short)
    if lengthBytes > 0 {
      length = header[2..<(2 + lengthBytes)].reduce(0) { $0 << 8 | UInt64($1) }
      guard length <= UInt64(Int64.max), length > (lengthBytes == 2 ? 125 : 65535) else {
        throw WebSocketError("a frame's length is not written in the shortest form, or too large")
      }
    }
    if !opcode.isControl { isFragmented = !isLast }
    return Frame(opcode: opcode, isLast: isLast, mask: isMasked ? Array(header.suffix(4)) : nil, length: length)
  }

  private static func control(_ frame: Frame) throws(WebSocketError) -> Event {
    switch frame.opcode {
    case .ping: return .ping(frame.payload)
    case .pong: return .pong
    default:
      if frame.payload.isEmpty { return .close(nil) }
      guard frame.payload.count >= 2 else { throw WebSocketError("a close frame has half a code") }
      return .close(UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1]))
    }
  }
}
