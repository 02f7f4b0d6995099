package import Addressing

extension BGPSpeaker {
  /// Annotations of a Node that name its autonomous system, ours before Calico's.
  package static let asAnnotations = ["swiftlet.dev/bgp-as", "projectcalico.org/ASNumber"]
  /// Annotations of a Node that make it a reflector and name its cluster id, ours before Calico's.
  package static let reflectorAnnotations = [
    "swiftlet.dev/bgp-reflector-cluster-id", "projectcalico.org/RouteReflectorClusterID",
  ]

  /// - Parameters:
  ///   - peers: the other nodes that speak BGP.
  ///   - clusterPodRanges: ranges of all pods of the cluster.
  package init(
    own: RoutePeer, peers: some Sequence<RoutePeer>, configuration: BGPConfiguration, clusterPodRanges: [Prefix],
    serviceRanges: [Prefix], services: BGPServiceAddresses
  ) {
    var problems: [RoutingProblem] = []
    let ownNode = Speaker(own, configuration, &problems)
    let others = peers.filter { $0.node != own.node }.sorted { $0.node < $1.node }
      .map { Speaker($0, configuration, &problems) }
    var routerID = IPv4Address(rawValue: UInt32(truncatingIfNeeded: Self.hash(own.node)) | 1)
    if case .v4(let address)? = own.underlay(.v4) { routerID = address }
    self.init(
      routerID: routerID, asNumber: ownNode.asNumber, addresses: own.underlay, podRanges: own.podRanges,
      clusterPodRanges: clusterPodRanges, serviceRanges: serviceRanges, services: services,
      clusterID: ownNode.clusterID, holdTime: configuration.holdTime)

    let hasReflectors = ownNode.clusterID != nil || others.contains { $0.clusterID != nil }
    for other in others {
      let role: BGPSession.Role
      switch (ownNode.clusterID != nil, other.clusterID != nil) {
      case (false, false):
        if hasReflectors || !configuration.hasNodeMesh { continue }
        role = .node(other.peer.node)
      case (false, true): role = .node(other.peer.node)
      case (true, false): role = .reflectorClient(other.peer.node)
      case (true, true): role = .reflectorPeer(other.peer.node)
      }
      sessions += nodeSessions(role, ownNode, other, configuration, &problems)
    }
    for peer in configuration.peers where peer.nodes.matches(own.labels) {
      if let session = external(peer, ownNode, configuration, &problems) { sessions.append(session) }
    }
    sessions.sort { $0.name < $1.name }
    self.problems = problems
  }

  /// A node with what its annotations and labels make of it.
  private struct Speaker {
    var peer: RoutePeer
    var asNumber: ASNumber
    var clusterID: IPv4Address?

    init(_ peer: RoutePeer, _ configuration: BGPConfiguration, _ problems: inout [RoutingProblem]) {
      self.peer = peer
      asNumber = configuration.asNumber
      if let (key, text) = Self.first(asAnnotations, peer) {
        if let number = ASNumber(text) {
          asNumber = number
        } else {
          problems.append(
            RoutingProblem(
              node: peer.node,
              "annotation \(key): found \"\(text)\", expected the number of an autonomous system; \(asNumber) is used"))
        }
      }
      if let (key, text) = Self.first(reflectorAnnotations, peer) {
        if let id = IPv4Address(text) {
          clusterID = id
        } else {
          problems.append(
            RoutingProblem(
              node: peer.node,
              "annotation \(key): found \"\(text)\", expected an identifier such as 244.0.0.1; it is no reflector"))
        }
      } else if let selector = configuration.reflectors, selector.matches(peer.labels) {
        clusterID = configuration.clusterID
      }
    }

    private static func first(_ keys: [String], _ peer: RoutePeer) -> (String, String)? {
      for key in keys { if let text = peer.annotations[key], !text.isEmpty { return (key, text) } }
      return nil
    }
  }

  /// A session for each family that both nodes have an address of. IPv4 pods of nodes that share only IPv6 addresses get
  /// IPv6 next hops; the other way round there is none to give.
  private func nodeSessions(
    _ role: BGPSession.Role, _ own: Speaker, _ other: Speaker, _ configuration: BGPConfiguration,
    _ problems: inout [RoutingProblem]
  ) -> [BGPSession] {
    let shared = IPFamily.allCases.filter { own.peer.underlay($0) != nil && other.peer.underlay($0) != nil }
    if shared.isEmpty {
      problems.append(
        RoutingProblem(
          node: other.peer.node,
          "it has no address of a family that this node has one of, so there is no BGP session; give both an "
            + "InternalIP of one family"))
    }
    for family in IPFamily.allCases where !shared.contains(family) && shared == [.v4] {
      if !own.peer.podRanges(family).isEmpty || !other.peer.podRanges(family).isEmpty {
        problems.append(
          RoutingProblem(
            node: other.peer.node,
            "\(family.name) pods are not routed: the two nodes share only IPv4 addresses, and an IPv6 route needs an "
              + "IPv6 next hop; give both an IPv6 InternalIP"))
      }
    }
    return shared.map { family in
      var channels = [BGPSession.Channel(family)]
      if shared == [.v6] { channels.append(.init(.v4, hasExtendedNextHop: true)) }
      return BGPSession(
        role: role, name: BGPSession.name("node", other.peer.node, family), local: own.peer.underlay(family)!,
        remote: other.peer.underlay(family)!, localPort: configuration.port, remotePort: configuration.port,
        localAS: own.asNumber, remoteAS: other.asNumber, multihop: 0, channels: channels)
    }
  }

  private func external(
    _ peer: BGPPeer, _ own: Speaker, _ configuration: BGPConfiguration, _ problems: inout [RoutingProblem]
  ) -> BGPSession? {
    let family = peer.address.family
    guard let local = own.peer.underlay(family) else {
      problems.append(
        RoutingProblem(
          node: own.peer.node, "it has no \(family.name) address, so there is no session with peer \(peer.name)"))
      return nil
    }
    var channels: [BGPSession.Channel] = []
    for wanted in peer.families.sorted() {
      if wanted == family {
        channels.append(.init(wanted))
      } else if let address = own.peer.underlay(wanted) {
        channels.append(.init(wanted, nextHop: address))
      } else if wanted == .v4 {
        channels.append(.init(wanted, hasExtendedNextHop: true))
      } else {
        problems.append(
          RoutingProblem(
            node: own.peer.node,
            "it has no IPv6 address to give peer \(peer.name) as the next hop of IPv6 routes; they are not exchanged"))
      }
    }
    var session = BGPSession(
      role: .external(peer.name), name: BGPSession.name("peer", peer.name, family), local: local, remote: peer.address,
      localPort: configuration.port, remotePort: peer.port, localAS: own.asNumber, remoteAS: peer.asNumber,
      password: peer.password, multihop: peer.multihop, channels: channels)
    session.advertise = peer.advertise ?? configuration.advertise
    session.communities = Array(Set(configuration.communities + peer.communities)).sorted()
    session.accept = peer.accept
    return session
  }
}
