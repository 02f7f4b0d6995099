package import Addressing
package import Netlink

/// From a peer to the kernel's entries for it, without looking at the machine: what must be known of it is handed in.
package struct PeerCompiler: Sendable {
  /// This node, with the addresses outside tunnels that its machine has.
  package var own: RoutePeer
  /// VXLAN network identifier, the same on all nodes.
  package var vxlanID: UInt32

  package init(own: RoutePeer, vxlanID: UInt32 = 1) {
    self.own = own
    self.vxlanID = vxlanID
  }

  /// The way to each of a peer's pod ranges.
  package struct Plan: Hashable, Sendable {
    package struct Step: Hashable, Sendable {
      package var range: Prefix
      package var path: RoutePath
    }

    /// How the peer is sent to.
    package var mode: RoutingMode?
    package var steps: [Step] = []
    package var problems: [RoutingProblem] = []
    /// The peer will announce a tunnel end once it has heard of this node; until then the way there was is kept.
    package var awaitsTunnelEnd = false

    package var links: Set<TunnelLink> { Set(steps.compactMap(\.path.link)) }
  }

  /// Chooses the way to each of a peer's families by `peer.mode`.
  package func plan(_ peer: RoutePeer, adjacency: (IPAddress) throws -> Adjacency) rethrows -> Plan {
    var plan = Plan()
    guard let mode = peer.mode else { return plan }
    plan.mode = mode
    for family in IPFamily.allCases {
      let ranges = peer.podRanges(family)
      if ranges.isEmpty { continue }
      switch try path(mode, peer, family, adjacency) {
      case .success(let path): plan.steps += ranges.map { Plan.Step(range: $0, path: path) }
      case .failure where peer.willAnnounceTunnelEnd: plan.awaitsTunnelEnd = true
      case .failure(let problem): plan.problems.append(problem)
      }
    }
    return plan
  }

  private func path(
    _ mode: RoutingMode, _ peer: RoutePeer, _ family: IPFamily, _ adjacency: (IPAddress) throws -> Adjacency
  ) rethrows -> Result<RoutePath, RoutingProblem> {
    if mode.prefersDirect {
      switch try direct(peer, family, adjacency) {
      case .success(let path): return .success(path)
      case .failure(let problem): if mode == .hostGateway { return .failure(problem) }
      }
    }
    let usesIPIP = mode == .ipip || mode == .ipipCrossSubnet
    if usesIPIP, family == .v4, own.underlay(.v4) != nil, let destination = peer.underlay(.v4) {
      return .success(.ipip(destination: destination))
    }
    return vxlan(peer, family)
  }

  /// The nodes' addresses to use for pods of a family: the same family where both nodes have it, else the other one.
  private func common(_ family: IPFamily, with peer: RoutePeer, where isUsable: (IPFamily) -> Bool) -> IPFamily? {
    let order: [IPFamily] = family == .v4 ? [.v4, .v6] : [.v6, .v4]
    return order.first { own.underlay($0) != nil && peer.underlay($0) != nil && isUsable($0) }
  }

  private func direct(
    _ peer: RoutePeer, _ family: IPFamily, _ adjacency: (IPAddress) throws -> Adjacency
  ) rethrows -> Result<RoutePath, RoutingProblem> {
    // The kernel routes IPv4 through an IPv6 gateway (RFC 8950), not the other way round.
    guard let underlay = common(family, with: peer, where: { $0 == family || family == .v4 }),
      let gateway = peer.underlay(underlay)
    else {
      return .failure(
        RoutingProblem(
          node: peer.node,
          "has no \(family.name) address in common with this node, which plain routes to its \(family.name) pods need; "
            + "give both nodes one as InternalIP, or choose --routing vxlan"))
    }
    switch try adjacency(gateway) {
    case .onLink(let interface): return .success(.direct(gateway: gateway, interface: interface))
    case .behind(let router):
      return .failure(
        RoutingProblem(
          node: peer.node,
          "its address \(gateway) is behind the router \(router), which does not know its pods; plain routes need nodes "
            + "in one subnet: choose --routing cross-subnet, or bgp with that router as a peer"))
    case .here:
      return .failure(
        RoutingProblem(node: peer.node, "announces the address \(gateway), which is this machine's own"))
    case .unreachable:
      return .failure(
        RoutingProblem(node: peer.node, "there is no route to its address \(gateway); is the Node's InternalIP right?"))
    }
  }

  private func vxlan(_ peer: RoutePeer, _ family: IPFamily) -> Result<RoutePath, RoutingProblem> {
    guard let underlay = common(family, with: peer, where: { peer.vtep($0) != nil }),
      let destination = peer.underlay(underlay), let vtep = peer.vtep(underlay)
    else {
      let families = IPFamily.allCases.filter { own.underlay($0) != nil }.map(\.name).joined(separator: " or ")
      return .failure(
        RoutingProblem(
          node: peer.node,
          "announces no VXLAN tunnel end that this node can reach by \(families); expected an address and "
            + "{\"VNI\":…,\"VtepMAC\":…} in \(RouteAnnotation.flannelData) or \(RouteAnnotation.flannelData6)"))
    }
    guard vtep.id == vxlanID else {
      return .failure(
        RoutingProblem(
          node: peer.node,
          "announces VXLAN network \(vtep.id), this node is in \(vxlanID); all nodes need the same Backend.VNI"))
    }
    guard vtep.mac != VTEP.mac(of: own.node, underlay: underlay) else {
      return .failure(
        RoutingProblem(
          node: peer.node,
          "announces the tunnel end \(vtep.mac), which is this node's own; is the annotation copied from this node?"))
    }
    return .success(.vxlan(mac: vtep.mac, linkLocal: vtep.linkLocal, destination: destination))
  }

  /// The kernel's entries for a plan; `interfaces` must have every link that it needs.
  package func entries(_ plan: Plan, interfaces: [TunnelLink: Int32]) -> RouteEntries {
    var entries = RouteEntries()
    // Several ranges of a family share the gateway of the first one.
    var gateways: [IPFamily: IPAddress] = [:]
    for step in plan.steps {
      switch step.path {
      case .direct(let gateway, let interface):
        entries.routes.append(Route(step.range, gateway: gateway, interface: interface))
      case .ipip(let destination):
        guard let interface = interfaces[.ipip] else { continue }
        entries.routes.append(Route(step.range, gateway: destination, interface: interface, isOnlink: true))
      case .vxlan(let mac, let linkLocal, let destination):
        guard let interface = interfaces[.vxlan(destination.family)] else { continue }
        let family = step.range.family
        let isFirst = gateways[family] == nil
        // flannel's gateway for IPv4 is the first address of the range. For IPv6 that will not do: the kernel refuses a
        // gateway that it can reach by another link, as it does while the range still has its route of another mode.
        let gateway = gateways[family] ?? (family == .v4 ? step.range.first : linkLocal)
        gateways[family] = gateway
        if isFirst { entries.neighbours.append(Neighbour(interface: interface, gateway, mac: mac)) }
        let entry = ForwardingEntry(interface: interface, mac, destination: destination)
        if !entries.forwarding.contains(entry) { entries.forwarding.append(entry) }
        entries.routes.append(Route(step.range, gateway: gateway, interface: interface, isOnlink: family == .v4))
      }
    }
    return entries
  }

  /// Metric of the route that stands for this node's own range where nothing better does. It must not compete with the
  /// connected route of a bridge, whose metric is 0 for IPv4 and 256 for IPv6.
  package static let ownRangeMetric: UInt32 = 8192

  /// Packets for pods that this node does not have must not leave by the default route, nor come back to it for ever. Pods
  /// have routes of their own, which are longer.
  package var ownRoutes: [Route] {
    own.podRanges.map { Route($0, kind: .blackhole, metric: Self.ownRangeMetric) }
  }
}
