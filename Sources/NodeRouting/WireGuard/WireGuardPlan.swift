package import Addressing
package import Netlink

/// What one node needs of WireGuard: compiled from its peers, without looking at the machine.
package struct WireGuardPlan: Hashable, Sendable {
  /// A peer as its link has to know it.
  package struct Peer: Hashable, Sendable {
    package var endpoint: AddressAndPort
    package var publicKey: WireGuardPublicKey
    /// The key that the node will change to: accepted for a handshake, but nothing is sent to it yet.
    package var nextKey: WireGuardPublicKey?
    package var podRanges: [Prefix]
    /// Bytes of the largest packet, where it is smaller than the link's own.
    package var mtu: UInt32?

    /// Both keys, the one in use first.
    package var keys: [WireGuardPublicKey] { [publicKey] + (nextKey.map { [$0] } ?? []) }
  }

  /// By node name.
  package private(set) var peers: [String: Peer] = [:]
  package private(set) var problems: [String: RoutingProblem] = [:]
  /// Which node has a key; two that claim one were copied from one another.
  private var owners: [WireGuardPublicKey: String] = [:]

  private let own: RoutePeer
  private let ownKeys: Set<WireGuardPublicKey>
  private let underlayMTU: Int

  /// - Parameter underlayMTU: bytes that the nodes' network takes.
  package init(own: RoutePeer, ownKeys: Set<WireGuardPublicKey>, underlayMTU: Int) {
    self.own = own
    self.ownKeys = ownKeys
    self.underlayMTU = underlayMTU
  }

  /// Bytes that WireGuard adds: the IP header (20 or 40), UDP (8), its own header (16) and authentication tag (16).
  package static func overhead(_ underlay: IPFamily) -> Int { underlay == .v4 ? 60 : 80 }

  /// Bytes of the largest packet that the link takes: peers are sent to over IPv4 where both have it.
  package var mtu: Int { underlayMTU - Self.overhead(own.underlay(.v4) == nil ? .v6 : .v4) }

  /// Takes a peer, or what it is by now. One that cannot be reached is left out, with a problem.
  package mutating func set(_ peer: RoutePeer) {
    remove(peer.node)
    switch compile(peer) {
    case .success(let compiled):
      peers[peer.node] = compiled
      for key in compiled.keys { owners[key] = peer.node }
    case .failure(let problem): problems[peer.node] = problem
    }
  }

  package mutating func remove(_ node: String) {
    problems[node] = nil
    guard let peer = peers.removeValue(forKey: node) else { return }
    for key in peer.keys { owners[key] = nil }
  }

  /// Whether a peer has this key.
  package func hasKey(_ key: WireGuardPublicKey) -> Bool { owners[key] != nil }

  private func compile(_ peer: RoutePeer) -> Result<Peer, RoutingProblem> {
    func problem(_ reason: String) -> Result<Peer, RoutingProblem> {
      .failure(RoutingProblem(node: peer.node, reason))
    }
    guard let announcement = WireGuardAnnouncement(peer) else {
      return problem(
        "is of mode wireguard but announces no public key that can be read (annotation "
          + "\(RouteAnnotation.wireguard) or flannel's backend-data); its agent writes it when it is up")
    }
    guard let family = IPFamily.allCases.first(where: { own.underlay($0) != nil && peer.underlay($0) != nil }),
      let address = peer.underlay(family)
    else {
      let families = own.underlay.map(\.family.name).joined(separator: " and ")
      return problem("has no address of a family that this node has (\(families)); give it an InternalIP of one")
    }
    let next = announcement.nextKey == announcement.publicKey ? nil : announcement.nextKey
    for key in [announcement.publicKey] + (next.map { [$0] } ?? []) {
      let owner = ownKeys.contains(key) ? own.node : owners[key]
      if let owner {
        return problem(
          "announces the WireGuard key of node \(owner), which only one can have: was its disk copied? "
            + "Remove wireguard.key from its agent's state directory and restart the agent")
      }
    }
    let isNarrow = family == .v6 && own.underlay(.v4) != nil
    return .success(
      Peer(
        endpoint: AddressAndPort(address, announcement.port), publicKey: announcement.publicKey, nextKey: next,
        podRanges: peer.podRanges, mtu: isNarrow ? UInt32(max(underlayMTU - Self.overhead(.v6), 0)) : nil))
  }
}
