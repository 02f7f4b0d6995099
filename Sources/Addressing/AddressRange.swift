/// Addresses from a first to a last one, both included: `10.0.0.10-10.0.0.20`.
package struct AddressRange: Hashable, Sendable {
  package let first: IPAddress
  package let last: IPAddress

  /// Nil if the ends are of two families or the last comes before the first.
  package init?(_ first: IPAddress, _ last: IPAddress) {
    guard first.family == last.family, first <= last else { return nil }
    self.first = first
    self.last = last
  }

  /// All addresses of a prefix.
  package init(_ prefix: Prefix) {
    first = prefix.first
    last = prefix.last
  }

  package var family: IPFamily { first.family }
  /// The number of addresses; all of IPv6 saturates at the largest number.
  package var count: UInt128 {
    let distance = last.number - first.number
    return distance == .max ? .max : distance + 1
  }

  package func contains(_ address: IPAddress) -> Bool {
    address.family == family && first <= address && address <= last
  }
  /// Whether all of the other range lies in this one; never across families.
  package func contains(_ other: AddressRange) -> Bool { contains(other.first) && contains(other.last) }
  /// Whether the ranges share an address.
  package func overlaps(_ other: AddressRange) -> Bool {
    family == other.family && first <= other.last && other.first <= last
  }

  /// The fewest prefixes that hold exactly these addresses, in order.
  package var prefixes: [Prefix] {
    var result: [Prefix] = []
    var number = first.number
    while true {
      // The largest prefix that begins here and does not reach beyond the end.
      var host = Swift.min(number.trailingZeroBitCount, family.bits)
      while host > 0, Prefix(IPAddress(family, number: number), length: family.bits - host).last > last { host -= 1 }
      let prefix = Prefix(IPAddress(family, number: number), length: family.bits - host)
      result.append(prefix)
      if prefix.last == last { return result }
      number = prefix.last.number + 1
    }
  }
}

extension AddressRange: Sequence {
  /// Goes through the addresses in order.
  package struct Iterator: IteratorProtocol {
    fileprivate var upcoming: IPAddress?
    fileprivate let last: IPAddress

    package mutating func next() -> IPAddress? {
      guard let current = upcoming else { return nil }
      upcoming = current == last ? nil : IPAddress(current.family, number: current.number + 1)
      return current
    }
  }

  package func makeIterator() -> Iterator { Iterator(upcoming: first, last: last) }
  package var underestimatedCount: Int { Int(clamping: count) }
}

extension AddressRange: LosslessStringConvertible, CustomStringConvertible {
  /// Nil where `init(parsing:)` throws.
  package init?(_ text: String) { try? self.init(parsing: text) }

  /// `FIRST-LAST`, one address, or a prefix.
  package init(parsing text: String) throws(AddressError) {
    if text.utf8.contains(UInt8(ascii: "/")) {
      self.init(try Prefix(parsing: text))
      return
    }
    let bytes = Array(text.utf8)
    guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")) else {
      let address = try IPAddress(parsing: text)
      self = AddressRange(address, address)!
      return
    }
    let first = try Self.address(bytes[..<dash], of: text)
    let last = try Self.address(bytes[(dash + 1)...], of: text)
    guard first.family == last.family else {
      throw AddressError(text, at: dash + 1, "found an \(last.family.name) address, expected \(first.family.name)")
    }
    guard let range = AddressRange(first, last) else {
      throw AddressError(text, at: dash + 1, "\(last) comes before \(first)")
    }
    self = range
  }

  private static func address(_ bytes: ArraySlice<UInt8>, of text: String) throws(AddressError) -> IPAddress {
    if bytes.contains(UInt8(ascii: ":")) { return .v6(try IPv6Address(bytes: bytes, of: text)) }
    return .v4(try IPv4Address(bytes: bytes, of: text))
  }

  package var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
