package import Addressing

/// A data type of nft (`datatypes` of its source): what a set's key type number says and how a constant is written.
package struct NFDataType: Hashable, Sendable {
  package enum ByteOrder: UInt32, Hashable, Sendable {
    case host = 1
    case network = 2
  }
  /// nft's number, six bits of a concatenated key type.
  package let id: UInt32
  /// Size in bytes of a value, before padding to a register.
  package let size: Int
  package let byteOrder: ByteOrder

  package init(id: UInt32, size: Int, byteOrder: ByteOrder) {
    self.id = id
    self.size = size
    self.byteOrder = byteOrder
  }

  /// Size in a register or a concatenated key: whole 32-bit words.
  package var paddedSize: Int { (size + 3) & ~3 }

  package static let nfProtocol = NFDataType(id: 2, size: 1, byteOrder: .host)
  package static let integer = NFDataType(id: 4, size: 4, byteOrder: .host)
  package static let ipv4Address = NFDataType(id: 7, size: 4, byteOrder: .network)
  package static let ipv6Address = NFDataType(id: 8, size: 16, byteOrder: .network)
  package static let etherAddress = NFDataType(id: 9, size: 6, byteOrder: .network)
  package static let etherType = NFDataType(id: 10, size: 2, byteOrder: .network)
  package static let arpOperation = NFDataType(id: 11, size: 2, byteOrder: .network)
  package static let inetProtocol = NFDataType(id: 12, size: 1, byteOrder: .network)
  package static let inetService = NFDataType(id: 13, size: 2, byteOrder: .network)
  package static let icmpType = NFDataType(id: 14, size: 1, byteOrder: .network)
  package static let mark = NFDataType(id: 19, size: 4, byteOrder: .host)
  package static let ctState = NFDataType(id: 26, size: 4, byteOrder: .host)
  package static let ctDirection = NFDataType(id: 27, size: 1, byteOrder: .host)
  package static let ctStatus = NFDataType(id: 28, size: 4, byteOrder: .host)
  package static let icmpv6Type = NFDataType(id: 29, size: 1, byteOrder: .network)
  package static let fibAddressType = NFDataType(id: 38, size: 4, byteOrder: .host)
  package static let interfaceName = NFDataType(id: 41, size: 16, byteOrder: .host)

  /// The address type of a family.
  package static func address(_ family: IPFamily) -> NFDataType { family == .v4 ? .ipv4Address : .ipv6Address }
}

extension [NFDataType] {
  /// The number of a concatenation: six bits a type, the first in the highest.
  var concatenatedID: UInt32 { reduce(0) { $0 << 6 | $1.id } }
  /// Bytes of a key of these types: one value as it is, several each padded to whole words.
  var keySize: Int { count == 1 ? self[0].size : reduce(0) { $0 + $1.paddedSize } }
}
