/// Addresses from a first to a last one, both included: `10.0.0.10-10.0.0.20`.
public struct AddressRange: Hashable, Sendable {
  public let first: IPAddress
  public let last: IPAddress

  /// Nil if the ends are of two families or the last comes before the first.
  public init?(_ first: IPAddress, _ last: IPAddress) {
    guard first.family == last.family, first <= last else { return nil }
    self.first = first
    self.last = last
  }

  /// All addresses of a prefix.
  public init(_ prefix: Prefix) {
    first = prefix.first
    last = prefix.last
  }

  public var family: IPFamily { first.family }
  /// The number of addresses; all of IPv6 saturates at the largest number.
  public var count: UInt128 {
    let distance = last.number - first.number
    return distance == .max ? .max : distance + 1
  }

  public func contains(_ address: IPAddress) -> Bool { address.family == family && first <= address && address <= last }
  public func contains(_ other: AddressRange) -> Bool { contains(other.first) && contains(other.last) }
  public func overlaps(_ other: AddressRange) -> Bool {
    family == other.family && first <= other.last && other.first <= last
  }

  /// The fewest prefixes that hold exactly these addresses, in order.
  public var prefixes: [Prefix] {
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
  public struct Iterator: IteratorProtocol {
    fileprivate var upcoming: IPAddress?
    fileprivate let last: IPAddress

    public mutating func next() -> IPAddress? {
      guard let current = upcoming else { return nil }
      upcoming = current == last ? nil : IPAddress(current.family, number: current.number + 1)
      return current
    }
  }

  public func makeIterator() -> Iterator { Iterator(upcoming: first, last: last) }
  public var underestimatedCount: Int { Int(clamping: count) }
}

extension AddressRange: LosslessStringConvertible, CustomStringConvertible {
  public init?(_ text: String) { try? self.init(parsing: text) }

  /// `FIRST-LAST`, one address, or a prefix.
  public init(parsing text: String) throws(AddressError) {
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

  public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }
}
