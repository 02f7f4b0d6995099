package import Addressing

/// A constant in a rule; the field it is compared with says its size and byte order.
package enum NFValue: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  case number(UInt64)
  case address(IPAddress)
  case hardwareAddress(MACAddress)
  /// An interface name, padded with zeros.
  case name(String)
  /// Bytes as they are compared; shorter than the field compares the beginning only.
  case bytes([UInt8])

  package init(integerLiteral value: UInt64) { self = .number(value) }
  package init(stringLiteral value: String) { self = .name(value) }

  /// The bytes of the value in a register, without padding to a whole word.
  package func bytes(as type: NFDataType) -> [UInt8] {
    switch self {
    case .number(let number):
      let bigEndian = (0..<type.size).map { index in
        let shift = 8 * (type.size - 1 - index)
        return shift < 64 ? UInt8(truncatingIfNeeded: number >> UInt64(shift)) : 0
      }
      guard type.byteOrder == .host else { return bigEndian }
      // The kernel reads registers in the processor's order; every machine Swift runs Linux on is little-endian or asks.
      return UInt16(1).littleEndian == 1 ? bigEndian.reversed() : bigEndian
    case .address(let address): return address.bytes
    case .hardwareAddress(let address): return address.bytes
    case .name(let name):
      let bytes = Array(name.utf8.prefix(type.size))
      return bytes + [UInt8](repeating: 0, count: type.size - bytes.count)
    case .bytes(let bytes): return bytes
    }
  }
}

/// Builds a concatenated key or data value: every part padded with zeros to a whole 32-bit word.
package struct NFKey: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// Values of several types, one after another.
  package init(_ parts: [(NFDataType, NFValue)]) {
    for (type, value) in parts { append(value.bytes(as: type)) }
  }

  package mutating func append(_ part: some Collection<UInt8>) {
    bytes.append(contentsOf: part)
    while bytes.count & 3 != 0 { bytes.append(0) }
  }
  package mutating func append(_ address: IPAddress) {
    switch address {
    case .v4(let address): appendWord(address.rawValue.bigEndian)
    case .v6(let address): withUnsafeBytes(of: address.rawValue.bigEndian) { bytes.append(contentsOf: $0) }
    }
  }
  /// A port, or another 16-bit number in network order.
  package mutating func append(port: UInt16) {
    bytes.append(UInt8(port >> 8))
    bytes.append(UInt8(port & 0xFF))
    bytes.append(0)
    bytes.append(0)
  }
  /// An IANA protocol number.
  package mutating func append(transport: UInt8) {
    bytes.append(transport)
    bytes.append(0)
    bytes.append(0)
    bytes.append(0)
  }
  /// A 32-bit number in host order: a mark, or a slot that numgen chooses.
  package mutating func append(hostOrder number: UInt32) { appendWord(number) }

  private mutating func appendWord(_ word: UInt32) {
    withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
  }
}
