package import Addressing
internal import JSON

/// A part of a subnet from which leases are given, as host-local's configuration has it.
package struct LeaseRange: Hashable, Sendable {
  package let subnet: Prefix
  package let start: IPAddress
  package let end: IPAddress
  /// The node's own address on the bridge; never leased.
  package let gateway: IPAddress

  package func contains(_ address: IPAddress) -> Bool { start <= address && address <= end }
}

/// Ranges of one family that together give one address to each pod.
package struct LeaseRangeSet: Hashable, Sendable {
  package let ranges: [LeaseRange]

  package var family: IPFamily { ranges[0].subnet.family }
  package var gateways: [(address: IPAddress, prefixLength: Int)] {
    var seen: Set<IPAddress> = []
    return ranges.filter { seen.insert($0.gateway).inserted }.map { ($0.gateway, $0.subnet.length) }
  }

  /// The range an address was leased from.
  package func range(of address: IPAddress) -> LeaseRange? { ranges.first { $0.contains(address) } }

  /// A whole subnet: from the second to the last address but one (IPv4's broadcast), the gateway being the second.
  package init(_ subnet: Prefix) throws(CNIError) {
    ranges = [try LeaseRange(["subnet": .string("\(subnet)")], field: "range")]
  }

  init(_ json: JSON, field: String) throws(CNIError) {
    guard let elements = json.array, !elements.isEmpty else {
      throw invalid(field, json, "a list of ranges such as [{\"subnet\": \"10.244.1.0/24\"}]")
    }
    var ranges: [LeaseRange] = []
    for (index, element) in elements.enumerated() {
      let range = try LeaseRange(element, field: "\(field)[\(index)]")
      if let first = ranges.first, first.subnet.family != range.subnet.family {
        throw CNIError(
          .invalidConfiguration,
          "\(field) mixes \(first.subnet) and \(range.subnet); give each family a range set of its own")
      }
      if let other = ranges.firstIndex(where: { $0.start <= range.end && range.start <= $0.end }) {
        throw CNIError(
          .invalidConfiguration,
          "\(field)[\(other)] \(ranges[other].start)-\(ranges[other].end) and \(field)[\(index)] "
            + "\(range.start)-\(range.end) overlap; choose ranges that do not")
      }
      ranges.append(range)
    }
    self.ranges = ranges
  }

  /// The addresses to try, in order: those after the last one given out, round robin, so that an address rests as long as
  /// it can before it is used again. Gateways are left out.
  package func candidates(after last: IPAddress?) -> some Sequence<IPAddress> {
    let ranges = self.ranges
    var index = 0
    var next = ranges[0].start
    if let last, let found = ranges.firstIndex(where: { $0.contains(last) }) {
      (index, next) = Self.successor(of: last, in: found, ranges)
    }
    let first = next
    var isStarted = false
    return AnyIterator {
      while true {
        if isStarted, next == first { return nil }
        isStarted = true
        let candidate = next
        (index, next) = Self.successor(of: candidate, in: index, ranges)
        if !ranges.contains(where: { $0.gateway == candidate }) { return candidate }
        if next == first { return nil }
      }
    }
  }

  private static func successor(of address: IPAddress, in index: Int, _ ranges: [LeaseRange]) -> (Int, IPAddress) {
    if address < ranges[index].end { return (index, IPAddress(address.family, number: address.number + 1)) }
    let following = (index + 1) % ranges.count
    return (following, ranges[following].start)
  }
}

extension LeaseRange {
  init(_ json: JSON, field: String) throws(CNIError) {
    let subnet = try prefix(json["subnet"], "\(field).subnet")
    guard subnet.length <= subnet.family.bits - 2 else {
      throw CNIError(
        .invalidConfiguration,
        "\(field).subnet \(subnet) is too small: it needs room for a gateway and pods, at most /\(subnet.family.bits - 2)"
      )
    }
    func address(_ key: String, _ usual: IPAddress) throws(CNIError) -> IPAddress {
      if json[key].isNull { return usual }
      guard let address = json[key].string.flatMap({ IPAddress($0) }), subnet.contains(address) else {
        throw invalid("\(field).\(key)", json[key], "an address inside \(subnet)")
      }
      return address
    }
    let family = subnet.family
    let second = IPAddress(family, number: subnet.first.number + 1)
    let last = family == .v4 ? IPAddress(family, number: subnet.last.number - 1) : subnet.last
    self.subnet = subnet
    gateway = try address("gateway", second)
    start = try address("rangeStart", second)
    end = try address("rangeEnd", last)
    guard start <= end else {
      throw CNIError(.invalidConfiguration, "\(field): rangeStart \(start) comes after rangeEnd \(end)")
    }
  }
}
