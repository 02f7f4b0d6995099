internal import Addressing

/// All nodes as routing sees them, with what two of them claim at once given to one. Kept by node: a change costs the
/// size of the change and names the nodes that it concerns.
///
/// Of two nodes that claim overlapping pod ranges, or the same tunnel end, this node itself keeps its own, else the first
/// by name. A range that holds a node's address outside the tunnel is refused: packets to that node would go into it.
package struct PeerTable: Sendable {
  /// Name of this node.
  package let own: String
  private var declared: [String: RoutePeer] = [:]
  private var ranges = PrefixIndex()
  /// Addresses outside tunnels, as /32 and /128.
  private var hosts = PrefixIndex()
  private var tunnelEnds: [TunnelEnd: Set<String>] = [:]

  private struct TunnelEnd: Hashable {
    var family: IPFamily
    var mac: MACAddress
  }

  package init(own: String) { self.own = own }

  package var names: some Collection<String> { declared.keys }

  /// Takes what a node's object says now, nil for a node that is gone. Returns the nodes, itself among them, that may be
  /// other peers than before.
  package mutating func set(_ name: String, _ peer: RoutePeer?) -> Set<String> {
    let old = declared[name]
    if old == peer { return [] }
    var concerned: Set<String> = [name]
    if let old {
      for range in old.podRanges { ranges.remove(range, owner: name) }
      for address in old.underlay { hosts.remove(Prefix(host: address), owner: name) }
      for end in Self.tunnelEnds(of: old) {
        tunnelEnds[end]?.remove(name)
        if tunnelEnds[end]?.isEmpty == true { tunnelEnds[end] = nil }
      }
    }
    declared[name] = peer
    if let peer {
      for range in peer.podRanges { ranges.insert(range, owner: name) }
      for address in peer.underlay { hosts.insert(Prefix(host: address), owner: name) }
      for end in Self.tunnelEnds(of: peer) { tunnelEnds[end, default: []].insert(name) }
    }
    for one in [old, peer].compactMap({ $0 }) {
      for range in one.podRanges {
        concerned.formUnion(ranges.overlapping(range).map(\.owner))
        concerned.formUnion(hosts.overlapping(range).map(\.owner))
      }
      for address in one.underlay {
        concerned.formUnion(ranges.overlapping(Prefix(host: address)).map(\.owner))
        concerned.formUnion(hosts.overlapping(Prefix(host: address)).map(\.owner))
      }
      for end in Self.tunnelEnds(of: one) { concerned.formUnion(tunnelEnds[end] ?? []) }
    }
    return concerned
  }

  private static func tunnelEnds(of peer: RoutePeer) -> [TunnelEnd] {
    IPFamily.allCases.compactMap { family in peer.vtep(family).map { TunnelEnd(family: family, mac: $0.mac) } }
  }

  /// Whether `other` keeps what both claim.
  private func yields(_ name: String, to other: String) -> Bool {
    name != other && name != own && (other == own || other < name)
  }

  /// A node without what others keep, and what it lost and why; nil for a node there is not.
  package func resolve(_ name: String) -> (peer: RoutePeer, problems: [RoutingProblem])? {
    guard var peer = declared[name] else { return nil }
    var problems: [RoutingProblem] = []
    func report(_ reason: String) { problems.append(RoutingProblem(node: name, reason)) }
    for end in Self.tunnelEnds(of: peer) {
      if let other = tunnelEnds[end]?.filter({ yields(name, to: $0) }).min() {
        report(
          "announces the tunnel end \(end.mac) that node \(other) announces too; its pods are not routed until "
            + "one of the two annotations backend-data is right")
        peer.podRanges = []
      }
    }
    for address in peer.underlay {
      if let other = hosts.overlapping(Prefix(host: address)).first(where: { yields(name, to: $0.owner) }) {
        report("announces the address \(address) that node \(other.owner) announces too; one of the two is out of date")
      }
    }
    var kept: [Prefix] = []
    for range in peer.podRanges {
      if let other = ranges.overlapping(range).first(where: { yields(name, to: $0.owner) }) {
        report(
          "pod range \(range) overlaps \(other.prefix) of node \(other.owner); "
            + "it is not routed until spec.podCIDRs differ")
      } else if let host = hosts.overlapping(range).first {
        report(
          "pod range \(range) holds \(host.prefix.address), the address of node \(host.owner); "
            + "it is not routed: choose pod ranges that are apart from the nodes' network")
      } else {
        kept.append(range)
      }
    }
    // This node's pods are here whatever others claim.
    if name != own { peer.podRanges = kept }
    return (peer, problems)
  }
}
