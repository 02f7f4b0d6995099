internal import Addressing

/// Names below `in-addr.arpa` (RFC 1035 section 3.5) and `ip6.arpa` (RFC 3596 section 2.5).
enum ReverseName {
  /// The address a reverse name stands for; nil for any other name and for shorter ones.
  static func address(_ name: NameView) -> IPAddress? {
    guard name.labelCount > 2, name.label(name.labelCount - 1, is: "arpa") else { return nil }
    if name.labelCount == 6, name.label(4, is: "in-addr") {
      var number: UInt32 = 0
      for index in (0..<4).reversed() {
        guard let byte = decimal(name.label(index)) else { return nil }
        number = number << 8 | UInt32(byte)
      }
      return .v4(IPv4Address(rawValue: number))
    }
    if name.labelCount == 34, name.label(32, is: "ip6") {
      var number: UInt128 = 0
      for index in (0..<32).reversed() {
        let label = name.label(index)
        guard label.count == 1, let digit = hexadecimal(label[0]) else { return nil }
        number = number << 4 | UInt128(digit)
      }
      return .v6(IPv6Address(rawValue: number))
    }
    return nil
  }

  /// The number of labels of the apex, `in-addr.arpa` or `ip6.arpa`.
  static let apexLabels = 2

  private static func decimal(_ label: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard (1...3).contains(label.count), label.count == 1 || label[0] != 0x30 else { return nil }
    var number = 0
    for byte in label {
      guard (0x30...0x39).contains(byte) else { return nil }
      number = number * 10 + Int(byte - 0x30)
    }
    return UInt8(exactly: number)
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
