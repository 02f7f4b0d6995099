internal import Addressing

/// Names below `in-addr.arpa` (RFC 1035 section 3.5) and `ip6.arpa` (RFC 3596 section 2.5).
enum ReverseName {
  /// The address a reverse name stands for; nil for any other name and for shorter ones.
  static func address(_ name: NameView) -> IPAddress? {
    guard name.labelCount > 2, name.label(name.labelCount - 1, is: "arpa") else { return nil }
    if name.labelCount == 6, name.label(4, is: "in-addr") {
      var number: UInt32 = 0
      for index in 0..<4 {
        guard let byte = decimal(name.label(index)) else { return nil }
        number |= UInt32(byte) << UInt32(8 * index)
      }
      return .v4(IPv4Address(rawValue: number))
    }
    if name.labelCount == 34, name.label(32, is: "ip6") {
      var number: UInt128 = 0
      for index in 0..<32 {
        let label = name.label(index)
        guard label.count == 1, let digit = hexadecimal(label[0]) else { return nil }
        number |= UInt128(digit) << UInt128(4 * index)
      }
      return .v6(IPv6Address(rawValue: number))
    }
    return nil
  }

  /// The number of labels of the apex, `in-addr.arpa` or `ip6.arpa`.
  static let apexLabels = 2

  static let apex4 = DomainName(validWire: [7] + "in-addr".utf8 + [4] + "arpa".utf8 + [0])
  static let apex6 = DomainName(validWire: [3] + "ip6".utf8 + [4] + "arpa".utf8 + [0])

  /// The reverse zone of a range; nil where its length is none of whole labels.
  static func zone(_ range: Prefix) -> DomainName? {
    let bits = range.family == .v4 ? 8 : 4
    guard range.length % bits == 0 else { return nil }
    let count = range.length / bits
    let labels: [String] =
      range.family == .v4
      ? range.address.bytes.prefix(count).map { String($0) }
      : Array(range.address.bytes.flatMap { [$0 >> 4, $0 & 15] }.prefix(count)).map { String($0, radix: 16) }
    let apex = range.family == .v4 ? apex4 : apex6
    return (try? DomainName(parsing: labels.reversed().joined(separator: ".")))?.below(apex)
  }

  private static func decimal(_ label: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard (1...3).contains(label.count), label.count == 1 || label[0] != 0x30 else { return nil }
    var number = 0
    for index in 0..<label.count {
      let byte = label[index]
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
