/// An Ethernet address (EUI-48).
package struct MACAddress: Hashable, Comparable, Sendable, LosslessStringConvertible, CustomStringConvertible {
  /// The address in the lower 48 bits.
  package let rawValue: UInt64

  /// The lower 48 bits count.
  package init(rawValue: UInt64) { self.rawValue = rawValue & 0xFFFF_FFFF_FFFF }

  /// Six bytes in transmission order; nil for any other count.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 6 else { return nil }
    rawValue = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The six bytes in the order they are sent.
  package var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: rawValue >> (40 - 8 * $0)) } }
  /// A group address; no interface can have one.
  package var isMulticast: Bool { rawValue >> 40 & 1 == 1 }
  /// Assigned locally, not by a manufacturer.
  package var isLocal: Bool { rawValue >> 41 & 1 == 1 }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// Nil where `init(parsing:)` throws.
  package init?(_ text: String) { try? self.init(parsing: text) }

  /// Six pairs of hexadecimal digits separated by `:` or, throughout, by `-`.
  package init(parsing text: String) throws(AddressError) {
    let bytes = Array(text.utf8)
    var value: UInt64 = 0
    for part in 0..<6 {
      let start = part * 3
      if part > 0 {
        guard start - 1 < bytes.count, bytes[start - 1] == UInt8(ascii: ":") || bytes[start - 1] == UInt8(ascii: "-"),
          bytes[start - 1] == bytes[2]
        else { throw AddressError(text, at: min(start - 1, bytes.count), "expected ':' between pairs of digits") }
      }
      for index in start..<(start + 2) {
        guard index < bytes.count, let digit = hexDigit(bytes[index]) else {
          throw AddressError(text, at: min(index, bytes.count), "expected a hexadecimal digit")
        }
        value = value << 4 | UInt64(digit)
      }
    }
    guard bytes.count == 17 else {
      throw AddressError(text, at: 17, "unexpected text after six pairs of digits")
    }
    rawValue = value
  }

  /// Lower case with colons.
  package var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
