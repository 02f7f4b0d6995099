/// Decodes base64 with padding (RFC 4648 section 4), line breaks allowed as Go's decoder allows them; nil for any other
/// text.
func decodeBase64(_ text: String) -> [UInt8]? {
  var result: [UInt8] = []
  result.reserveCapacity(text.utf8.count / 4 * 3)
  var group: UInt32 = 0
  var count = 0
  var padding = 0
  for byte in text.utf8 where byte != 0x0A && byte != 0x0D {
    let digit: UInt8
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = byte - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = byte - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): digit = 62
    case UInt8(ascii: "/"): digit = 63
    case UInt8(ascii: "="):
      padding += 1
      digit = 0
    default: return nil
    }
    if padding > 0, byte != UInt8(ascii: "=") { return nil }
    group = group << 6 | UInt32(digit)
    count += 1
    if count % 4 == 0 {
      if padding > 2 { return nil }
      for index in 0..<(3 - padding) { result.append(UInt8(truncatingIfNeeded: group >> (16 - 8 * UInt32(index)))) }
      group = 0
    }
  }
  return count % 4 == 0 && padding <= 2 ? result : nil
}
