/// An IP prefix in CIDR notation. The host bits of `address` are always zero.
package struct Prefix: Hashable, Comparable, Sendable {
  /// The first address.
  package let address: IPAddress
  /// The number of leading bits in common, 0 to 32 or 128.
  package let length: Int

  /// The prefix of this length that holds an address; a length outside the family's range is a programming error.
  package init(_ address: IPAddress, length: Int) {
    precondition((0...address.family.bits).contains(length), "prefix length \(length) of \(address)")
    self.length = length
    self.address = IPAddress(address.family, number: address.number & Self.mask(address.family, length))
  }

  /// The prefix of one address, /32 or /128.
  package init(host address: IPAddress) { self.init(address, length: address.family.bits) }

  private static func mask(_ family: IPFamily, _ length: Int) -> UInt128 {
    let all = family == .v4 ? UInt128(UInt32.max) : UInt128.max
    return length == 0 ? 0 : all & ~(all >> UInt128(length))
  }

  package var family: IPFamily { address.family }
  package var first: IPAddress { address }
  /// The last address: all host bits set.
  package var last: IPAddress {
    let host = family.bits - length
    return IPAddress(family, number: address.number | (host == 128 ? .max : (UInt128(1) << UInt128(host)) - 1))
  }
  /// The number of addresses, 2 to the host bits; `::/0` saturates at the largest number.
  package var count: UInt128 {
    let host = family.bits - length
    return host == 128 ? .max : UInt128(1) << UInt128(host)
  }

  /// Whether the address lies in the prefix; never for one of another family.
  package func contains(_ other: IPAddress) -> Bool {
    other.family == family && other.number & Self.mask(family, length) == address.number
  }
  /// Whether all of the other prefix lies in this one.
  package func contains(_ other: Prefix) -> Bool { other.length >= length && contains(other.address) }
  /// Whether one of the two lies in the other: prefixes cannot overlap otherwise.
  package func overlaps(_ other: Prefix) -> Bool { contains(other) || other.contains(self) }

  /// The address at an offset from the first; nil beyond the end.
  package func address(at offset: UInt128) -> IPAddress? {
    offset < count || length == 0 ? IPAddress(family, number: address.number + offset) : nil
  }

  /// The subnet of a longer length at an index, counted from the first; nil where there is none.
  package func subnet(length subLength: Int, at index: UInt128) -> Prefix? {
    guard subLength >= length, subLength <= family.bits else { return nil }
    let bits = subLength - length
    guard bits == 128 || index < UInt128(1) << UInt128(bits) else { return nil }
    let shift = family.bits - subLength
    return Prefix(
      IPAddress(family, number: address.number | (shift == 128 ? 0 : index << UInt128(shift))), length: subLength)
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.address != right.address ? left.address < right.address : left.length < right.length
  }
}

extension Prefix: LosslessStringConvertible, CustomStringConvertible {
  /// Nil where `init(parsing:)` throws.
  package init?(_ text: String) { try? self.init(parsing: text) }

  /// `ADDRESS/LENGTH`. Host bits must be zero, as the Kubernetes API asks of ranges.
  package init(parsing text: String) throws(AddressError) {
    let (address, length) = try Self.parseInterface(text)
    let prefix = Prefix(address, length: length)
    guard prefix.address == address else {
      throw AddressError(text, at: 0, "has bits set beyond the prefix length; did you mean \(prefix)?")
    }
    self = prefix
  }

  /// `ADDRESS/LENGTH` with any host bits: an interface address and its prefix length.
  package static func parseInterface(_ text: String) throws(AddressError) -> (IPAddress, Int) {
    let bytes = Array(text.utf8)
    guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
      throw AddressError(text, at: bytes.count, "expected '/' and a prefix length")
    }
    let address: IPAddress
    if bytes[..<slash].contains(UInt8(ascii: ":")) {
      address = .v6(try IPv6Address(bytes: bytes[..<slash], of: text))
    } else {
      address = .v4(try IPv4Address(bytes: bytes[..<slash], of: text))
    }
    let digits = bytes[(slash + 1)...]
    guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }), digits.count <= 3,
      digits.count == 1 || digits.first != 0x30,
      let length = Int(String(decoding: digits, as: UTF8.self)), length <= address.family.bits
    else {
      throw AddressError(text, at: slash + 1, "expected a prefix length from 0 to \(address.family.bits)")
    }
    return (address, length)
  }

  package var description: String { "\(address)/\(length)" }
}
