internal import Addressing

/// The address space as pictures show it: blocks, and what lies in each.
struct AddressMap {
  struct Block {
    let prefix: Prefix
    /// In the order of addresses, what is larger first.
    let ranges: [PlannedRange]

    /// What two ranges have in common that should not: one of two that overlap lies in the other. Nodes in a network that
    /// exists are where they belong.
    var conflicts: [Prefix] {
      ranges.enumerated().flatMap { index, range in
        ranges[..<index].compactMap { other -> Prefix? in
          let roles = Set([range.role, other.role])
          if roles.count == 1 || roles == [.node, .reserved] || !range.prefix.overlaps(other.prefix) { return nil }
          return range.prefix.length > other.prefix.length ? range.prefix : other.prefix
        }
      }
    }

    /// The part of the block from its beginning to an offset in it, between 0 and 1.
    func position(of number: UInt128) -> Double {
      Double(number - prefix.address.number) / Double(prefix.count)
    }

    /// Where a range begins and ends, between 0 and 1.
    func extent(of range: Prefix) -> (start: Double, end: Double) {
      if range.contains(prefix) { return (0, 1) }
      let start = position(of: range.address.number)
      return (start, start + Double(range.count) / Double(prefix.count))
    }
  }

  let blocks: [Block]

  /// Private blocks that hold something, and for what is elsewhere the shortest prefix around it, a family each.
  init(_ ranges: [PlannedRange]) {
    let known = AddressSpace.private4 + [AddressSpace.shared]
    var blocks: [Block] = []
    for prefix in known {
      let inside = ranges.filter { prefix.contains($0.prefix) }
      if !inside.isEmpty { blocks.append(Block(prefix: prefix, ranges: Self.sorted(inside))) }
    }
    // Elsewhere: what shares an IPv6 site (/48, RFC 6177) is one picture, and so is the rest of IPv4.
    let rest = ranges.filter { range in !known.contains { $0.contains(range.prefix) } }
    let groups = Dictionary(grouping: rest) { range in
      range.family == .v4
        ? Prefix(IPAddress("0.0.0.0")!, length: 0)
        : Prefix(range.prefix.address, length: min(48, range.prefix.length))
    }
    for (_, group) in groups.sorted(by: { $0.key < $1.key }) {
      let hull = group.dropFirst().reduce(group[0].prefix) { Self.hull($0, $1.prefix) }
      blocks.append(Block(prefix: hull, ranges: Self.sorted(group)))
    }
    self.blocks = blocks
  }

  private static func sorted(_ ranges: [PlannedRange]) -> [PlannedRange] { ranges.sorted { $0.prefix < $1.prefix } }

  /// The longest prefix that contains both.
  private static func hull(_ first: Prefix, _ second: Prefix) -> Prefix {
    var hull = first
    while !hull.contains(second) { hull = Prefix(hull.address, length: hull.length - 1) }
    return hull
  }
}
