/// The two families of IP.
package enum IPFamily: Hashable, Sendable, CaseIterable, Comparable {
  case v4, v6

  /// The number of bits of an address.
  package var bits: Int { self == .v4 ? 32 : 128 }
  /// The name Kubernetes uses in `ipFamilies` and `addressType`.
  package var name: String { self == .v4 ? "IPv4" : "IPv6" }
}

/// An IPv4 or IPv6 address. Every IPv4 address sorts before every IPv6 one.
package enum IPAddress: Hashable, Sendable {
  case v4(IPv4Address)
  case v6(IPv6Address)

  package var family: IPFamily {
    switch self {
    case .v4: .v4
    case .v6: .v6
    }
  }

  /// The bytes in network order, four or sixteen.
  package var bytes: [UInt8] {
    switch self {
    case .v4(let address): address.bytes
    case .v6(let address): address.bytes
    }
  }

  /// The address as a number in host order.
  package var number: UInt128 {
    switch self {
    case .v4(let address): UInt128(address.rawValue)
    case .v6(let address): address.rawValue
    }
  }

  /// The address of a family with this number; bits beyond the family's size are dropped.
  package init(_ family: IPFamily, number: UInt128) {
    switch family {
    case .v4: self = .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: number)))
    case .v6: self = .v6(IPv6Address(rawValue: number))
    }
  }

  /// Four or sixteen bytes in network order; nil for any other count.
  package init?(bytes: some Collection<UInt8>) {
    let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    switch bytes.count {
    case 4: self.init(.v4, number: number)
    case 16: self.init(.v6, number: number)
    default: return nil
    }
  }

  package var isUnspecified: Bool { number == 0 }
  /// 127.0.0.0/8 or ::1.
  package var isLoopback: Bool {
    switch self {
    case .v4(let address): address.rawValue >> 24 == 127
    case .v6(let address): address.rawValue == 1
    }
  }
  /// 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291).
  package var isLinkLocal: Bool {
    switch self {
    case .v4(let address): address.rawValue >> 16 == 0xA9FE
    case .v6(let address): address.rawValue >> 118 == 0x3FA
    }
  }
  /// 224.0.0.0/4 or ff00::/8.
  package var isMulticast: Bool {
    switch self {
    case .v4(let address): address.rawValue >> 28 == 0xE
    case .v6(let address): address.rawValue >> 120 == 0xFF
    }
  }
}

extension IPAddress: Comparable {
  package static func < (left: Self, right: Self) -> Bool {
    left.family != right.family ? left.family < right.family : left.number < right.number
  }
}

extension IPAddress: LosslessStringConvertible, CustomStringConvertible {
  /// Nil where `init(parsing:)` throws.
  package init?(_ text: String) { try? self.init(parsing: text) }

  /// An address of either family, as `IPv4Address` and `IPv6Address` read them; a colon tells which.
  package init(parsing text: String) throws(AddressError) {
    if text.isEmpty { throw AddressError(text, at: 0, "empty, expected an IPv4 or IPv6 address") }
    if text.utf8.contains(UInt8(ascii: ":")) {
      self = .v6(try IPv6Address(parsing: text))
    } else {
      self = .v4(try IPv4Address(parsing: text))
    }
  }

  /// The canonical text (RFC 5952 for IPv6).
  package var description: String {
    switch self {
    case .v4(let address): address.description
    case .v6(let address): address.description
    }
  }
}
