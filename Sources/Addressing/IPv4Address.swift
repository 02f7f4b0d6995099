/// An IPv4 address.
package struct IPv4Address: Hashable, Comparable, Sendable {
  /// The address as a number in host order: 10.0.0.1 is 0x0A000001.
  package var rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }
  /// The four numbers of the dotted form.
  package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
  }

  /// The four bytes in network order.
  package var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (24 - 8 * $0)) } }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension IPv4Address: LosslessStringConvertible, CustomStringConvertible {
  /// Nil where `init(parsing:)` throws.
  package init?(_ text: String) { try? self.init(parsing: text) }

  /// Four decimal numbers 0 to 255 without leading zeros (RFC 6943 section 3.1.1, the strict form).
  package init(parsing text: String) throws(AddressError) {
    try self.init(bytes: Array(text.utf8)[...], of: text)
  }

  init(bytes: ArraySlice<UInt8>, of text: String) throws(AddressError) {
    var value: UInt32 = 0
    var index = bytes.startIndex
    for part in 0..<4 {
      if part > 0 {
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: ".") else {
          throw AddressError(text, at: index, "expected '.' and \(4 - part) more numbers of an IPv4 address")
        }
        index += 1
      }
      let start = index
      var number: UInt32 = 0
      while index < bytes.endIndex, (0x30...0x39).contains(bytes[index]), index - start < 3 {
        number = number * 10 + UInt32(bytes[index] - 0x30)
        index += 1
      }
      guard index > start else { throw AddressError(text, at: index, "expected a number from 0 to 255") }
      guard number < 256 else { throw AddressError(text, at: start, "number \(number) is greater than 255") }
      if index - start > 1, bytes[start] == 0x30 {
        throw AddressError(text, at: start, "leading zero; write \(number), since some programs read it as octal")
      }
      value = value << 8 | number
    }
    guard index == bytes.endIndex else {
      throw AddressError(text, at: index, "unexpected text after an IPv4 address")
    }
    rawValue = value
  }

  package var description: String {
    "\(rawValue >> 24).\(rawValue >> 16 & 255).\(rawValue >> 8 & 255).\(rawValue & 255)"
  }
}
