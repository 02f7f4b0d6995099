package import Addressing

/// An inclusive range of addresses of one family.
package struct AddressRange: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var first: IPAddress
  package var last: IPAddress

  package init(_ first: IPAddress, _ last: IPAddress) {
    self.first = first
    self.last = last
  }

  package init(_ prefix: Prefix) { self.init(prefix.first, prefix.last) }

  package func contains(_ address: IPAddress) -> Bool {
    address.family == first.family && first <= address && address <= last
  }

  package static func < (left: Self, right: Self) -> Bool { (left.first, left.last) < (right.first, right.last) }

  package var description: String { "\(first)-\(last)" }

  /// A block without its exceptions: what is left of it, in order.
  static func block(_ prefix: Prefix, except: [Prefix]) -> [AddressRange] {
    var result: [AddressRange] = []
    let family = prefix.family
    var next: UInt128? = prefix.first.number  // nil: beyond the last address
    for hole in except.filter(prefix.contains).sorted() {
      guard let start = next, hole.last.number >= start else { continue }  // inside an earlier exception
      if hole.first.number > start {
        result.append(
          AddressRange(IPAddress(family, number: start), IPAddress(family, number: hole.first.number - 1)))
      }
      next = hole.last.number == prefix.last.number ? nil : hole.last.number + 1
    }
    if let next { result.append(AddressRange(IPAddress(family, number: next), prefix.last)) }
    return result
  }

  /// The same addresses in the fewest ranges, in order: overlapping and adjacent ones are merged, as interval sets ask.
  static func merged(_ ranges: [AddressRange]) -> [AddressRange] {
    var result: [AddressRange] = []
    for range in ranges.sorted() {
      if let previous = result.last, previous.first.family == range.first.family,
        range.first.number <= previous.last.number
          || range.first.number == previous.last.number + 1
      {
        result[result.count - 1].last = max(previous.last, range.last)
      } else {
        result.append(range)
      }
    }
    return result
  }
}
