/// Frames as a server sends them (RFC 6455 section 5): whole and without a mask, unless a client's are wanted.
package enum WebSocketFrame {
  package static func binary(_ payload: some Collection<UInt8>, mask: [UInt8]? = nil) -> [UInt8] {
    encode(2, payload, mask)
  }
  package static func ping(_ payload: [UInt8] = [], mask: [UInt8]? = nil) -> [UInt8] { encode(9, payload, mask) }
  package static func pong(_ payload: [UInt8], mask: [UInt8]? = nil) -> [UInt8] { encode(10, payload, mask) }
  /// - Parameter code: section 7.4.1; 1000 is the normal end.
  package static func close(_ code: UInt16, mask: [UInt8]? = nil) -> [UInt8] {
    encode(8, [UInt8(code >> 8), UInt8(code & 0xFF)], mask)
  }

  private static func encode(_ opcode: UInt8, _ payload: some Collection<UInt8>, _ mask: [UInt8]?) -> [UInt8] {
    let count = payload.count
    let maskBit: UInt8 = mask == nil ? 0 : 0x80
    var frame: [UInt8] = [0x80 | opcode]
    frame.reserveCapacity(count + 14)
    if count < 126 {
      frame.append(maskBit | UInt8(count))
    } else if count < 65536 {
      frame += [maskBit | 126, UInt8(count >> 8), UInt8(count & 0xFF)]
    } else {
      frame.append(maskBit | 127)
      for shift in stride(from: 56, through: 0, by: -8) { frame.append(UInt8(truncatingIfNeeded: count >> shift)) }
    }
    guard let mask else { return frame + payload }
    frame += mask
    for (index, byte) in payload.enumerated() { frame.append(byte ^ mask[index & 3]) }
    return frame
  }
}
