internal import Addressing

extension PlanReview {
  /// Whether the nodes have addresses, also the one that an upgrade adds.
  mutating func checkNodeRanges() {
    for family in IPFamily.allCases {
      let ranges = request.nodes.filter { $0.family == family }
      guard !ranges.isEmpty else { continue }
      let reserve = request.targets.map(\.reservedNodeAddresses).max() ?? 3
      let count = ranges.reduce(UInt128(0)) { $0 + min($1.prefix.count, 1 << 64) }
      let subject = ranges.map(\.description).joined(separator: " with ")
      let needed = request.demand.nodeAddresses ?? request.demand.nodes.map { $0 + reserve * ranges.count }
      func length(_ addresses: Int) -> String { "/\(family.bits - ceilingOfLog2(addresses)) or shorter" }
      if let needed, count < UInt128(needed) {
        report(
          .error, .nodeSize, subject,
          found:
            "holds \(count) addresses, but \(needed) are needed for the gateway and \(request.demand.nodes ?? 0) nodes",
          meaning: "the last nodes get no address", expected: length(needed),
          remedy: "choose a shorter prefix length or fewer nodes", source: Self.nodeReserveSource)
      } else if let most = request.demand.largestNodeCount, count < UInt128(most + reserve * ranges.count) {
        report(
          .error, .nodeSize, subject,
          found:
            "holds \(count) addresses, but \(most + reserve * ranges.count) are needed once there are \(most) nodes",
          meaning: "the cluster stops growing there", expected: length(most + reserve),
          remedy: "choose a shorter prefix length or fewer nodes", source: Self.nodeReserveSource)
      } else if let most = request.demand.largestNodeCount, count == UInt128(most + reserve * ranges.count) {
        report(
          .warning, .surge, subject, found: "holds \(count) addresses, all of which are planned for",
          meaning: "a rolling upgrade that adds a node before it removes one has no address for it",
          expected: length(most + reserve + 1), remedy: "choose a shorter prefix length or fewer nodes",
          source: "rolling node upgrades, maxSurge 1")
      }
      for range in ranges where family == .v6 && range.prefix.length > 64 {
        report(
          .note, .nodeSize, range.description, found: "is longer than /64",
          meaning: "nodes cannot configure their addresses themselves (SLAAC) on such a link", expected: "/64",
          remedy: "choose a /64, or give addresses by hand or DHCPv6", source: "RFC 4862, RFC 7421")
      }
    }
  }

  private static let nodeReserveSource =
    "network, gateway and broadcast address; AWS and Azure keep 5 of a subnet, Google Cloud 4"
}
