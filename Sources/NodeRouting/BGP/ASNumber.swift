/// The number of an autonomous system (RFC 6793: four octets).
package struct ASNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt32

  /// Nil for numbers that no speaker may use: 0 (RFC 7607), 23456 (RFC 6793), 65535 and 4294967295 (RFC 7300).
  package init?(_ number: UInt32) {
    if [0, 23456, 65535, UInt32.max].contains(number) { return nil }
    rawValue = number
  }

  /// Decimal, or two halves with a dot (`1.10`; RFC 5396 asplain and asdot). Nil for anything else.
  package init?(_ text: String) {
    let halves = text.split(separator: ".", omittingEmptySubsequences: false)
    guard halves.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
    switch halves.count {
    case 1:
      guard let number = UInt32(text) else { return nil }
      self.init(number)
    case 2:
      guard let high = UInt16(halves[0]), let low = UInt16(halves[1]) else { return nil }
      self.init(UInt32(high) << 16 | UInt32(low))
    default: return nil
    }
  }

  /// The first number for private use (RFC 6996), which Calico takes as its default too.
  package static let usual = ASNumber(64512)!

  package static func < (left: ASNumber, right: ASNumber) -> Bool { left.rawValue < right.rawValue }
  package var description: String { "\(rawValue)" }
}
