package import Addressing
package import JSON

/// Ranges of one family that together give one address to each pod.
package struct LeaseRangeSet: Hashable, Sendable {
  package let ranges: [LeaseRange]
  /// What is given out, in order: the ranges without gateways and exclusions.
  package let segments: [AddressRange]

  package var family: IPFamily { ranges[0].subnet.family }
  package var gateways: [(address: IPAddress, prefixLength: Int)] {
    var found: [(address: IPAddress, prefixLength: Int)] = []
    for range in ranges where !found.contains(where: { $0.address == range.gateway }) {
      found.append((range.gateway, range.subnet.length))
    }
    return found
  }
  /// How many addresses may be given out.
  package var capacity: UInt128 { segments.reduce(0) { $0.addingReportingOverflow($1.count).partialValue } }

  /// The range an address was leased from.
  package func range(of address: IPAddress) -> LeaseRange? { ranges.first { $0.contains(address) } }

  /// Whether an address is given out by itself, without being asked for.
  package func gives(_ address: IPAddress) -> Bool { segments.contains { $0.contains(address) } }

  /// A whole subnet: from the second to the last address but one (IPv4's broadcast), the gateway being the second.
  package init(_ subnet: Prefix) throws(CNIError) {
    try self.init([try LeaseRange(["subnet": .string("\(subnet)")], field: "range")], field: "range")
  }

  package init(_ json: JSON, field: String) throws(CNIError) {
    guard let elements = json.array, !elements.isEmpty else {
      throw invalid(field, json, "a list of ranges such as [{\"subnet\": \"10.244.1.0/24\"}]")
    }
    var ranges: [LeaseRange] = []
    for (index, element) in elements.enumerated() {
      ranges.append(try LeaseRange(element, field: "\(field)[\(index)]"))
    }
    try self.init(ranges, field: field)
  }

  /// The range sets of an `ipam` section (host-local's `ranges`, before them the single range of its older form, whose
  /// members stand in the section itself) or of the capability `ipRanges`, which has the shape of `ranges`.
  package static func sets(
    ipam: JSON, field: String = "ipam", areRequired: Bool = true
  ) throws(CNIError) -> [LeaseRangeSet] {
    var sets: [LeaseRangeSet] = []
    if !ipam["subnet"].isNull { sets.append(try LeaseRangeSet([try LeaseRange(ipam, field: field)], field: field)) }
    if ipam["ranges"].isNull || ipam["ranges"] == [], !areRequired || !sets.isEmpty { return sets }
    return sets + (try Self.sets(ipam["ranges"], field: "\(field).ranges"))
  }

  /// A list of range sets, of which there must be one at least.
  package static func sets(_ ranges: JSON, field: String) throws(CNIError) -> [LeaseRangeSet] {
    guard let elements = ranges.array, !elements.isEmpty else {
      throw invalid(field, ranges, "a list of range sets such as [[{\"subnet\": \"10.244.1.0/24\"}]]")
    }
    var sets: [LeaseRangeSet] = []
    for (index, element) in elements.enumerated() {
      sets.append(try LeaseRangeSet(element, field: "\(field)[\(index)]"))
    }
    return sets
  }

  private init(_ ranges: [LeaseRange], field: String) throws(CNIError) {
    for (index, range) in ranges.enumerated() {
      if ranges[0].subnet.family != range.subnet.family {
        throw CNIError(
          .invalidConfiguration,
          "\(field) mixes \(ranges[0].subnet) and \(range.subnet); give each family a range set of its own")
      }
      if let other = ranges[..<index].firstIndex(where: { $0.start <= range.end && range.start <= $0.end }) {
        throw CNIError(
          .invalidConfiguration,
          "\(field)[\(other)] \(ranges[other].start)-\(ranges[other].end) and \(field)[\(index)] "
            + "\(range.start)-\(range.end) overlap; choose ranges that do not")
      }
    }
    self.ranges = ranges
    let withheld = ranges.map { AddressRange($0.gateway, $0.gateway)! } + ranges.flatMap(\.excluded)
    segments = ranges.flatMap { Self.subtract(withheld, from: AddressRange($0.start, $0.end)!) }
  }

  private static func subtract(_ withheld: [AddressRange], from range: AddressRange) -> [AddressRange] {
    let family = range.family
    var left: [AddressRange] = []
    var next = range.first.number
    for hole in withheld.filter({ $0.overlaps(range) }).sorted(by: { $0.first < $1.first }) {
      if hole.first.number > next {
        left.append(
          AddressRange(IPAddress(family, number: next), IPAddress(family, number: hole.first.number - 1))!)
      }
      // The hole reaches to the end, where the number after it may not exist.
      if hole.last >= range.last { return left }
      next = max(next, hole.last.number + 1)
    }
    left.append(AddressRange(IPAddress(family, number: next), range.last)!)
    return left
  }

  /// The addresses to try, in order: those after the last one given out, round robin, so that an address rests as long as
  /// it can before it is used again. Each comes once.
  package func candidates(after last: IPAddress?) -> some Sequence<IPAddress> {
    let segments = self.segments
    let family = self.family
    var remaining = capacity
    var (index, number) = remaining == 0 ? (0, 0) : position(after: last)
    return AnyIterator {
      guard remaining > 0 else { return nil }
      remaining -= 1
      let candidate = IPAddress(family, number: number)
      if candidate < segments[index].last {
        number += 1
      } else {
        index = (index + 1) % segments.count
        number = segments[index].first.number
      }
      return candidate
    }
  }

  /// The segment, and the number in it, that come after an address.
  private func position(after last: IPAddress?) -> (index: Int, number: UInt128) {
    guard let last, let own = ranges.firstIndex(where: { $0.contains(last) }) else {
      return (0, segments[0].first.number)
    }
    for (index, segment) in segments.enumerated() {
      guard let range = ranges.firstIndex(where: { $0.contains(segment.first) }), range >= own else { continue }
      if range > own || last < segment.first { return (index, segment.first.number) }
      if last < segment.last { return (index, last.number + 1) }
    }
    return (0, segments[0].first.number)
  }
}
