internal import Addressing
internal import Glibc
package import Linux
package import Netlink
internal import Synchronization

/// Carries pods by routes, neighbours and forwarding entries of the kernel: VXLAN, plain routes, IP in IP, and the mixtures
/// of them. It owns its links whole, the routes of its protocol number that have a gateway, and the blackholes of the
/// node's own ranges; it repairs what others change.
package final class KernelRouting: RoutingBackend {
  package struct Configuration: Sendable {
    /// VXLAN network identifier and UDP port; flannel's are 1 and 8472.
    package var vxlanID: UInt32 = 1
    package var vxlanPort: UInt16 = 8472
    /// What the nodes' network takes, in bytes; nil is the MTU of the link with the node's address.
    package var underlayMTU: Int?
    /// Seconds that a link stays after the last need of it: peers may still send to it.
    package var linkGrace = 60.0
    /// nil is the caller's own.
    package var namespace: NetworkNamespace?

    package init(namespace: NetworkNamespace? = nil) { self.namespace = namespace }
  }

  package let modes: Set<RoutingMode> = [.vxlan, .hostGateway, .crossSubnet, .ipip, .ipipCrossSubnet]

  let configuration: Configuration
  let socket: RouteSocket
  let log = Log("routing")
  /// What the kernel is to hold; also read by the threads of `concerns` and `status`, changed by the plane's alone.
  let wanted = Mutex(KernelObjects())
  var compiler: PeerCompiler?
  /// The links with this node's addresses outside tunnels.
  var underlays: [IPFamily: Link] = [:]
  /// Links of ours that there are.
  var interfaces: [TunnelLink: Int32] = [:]
  /// Since when a link has not been needed, in seconds of the monotonic clock.
  var unneeded: [TunnelLink: Double] = [:]
  /// How many peers' ranges go through each link, so that no pass over all peers is needed.
  var uses: [TunnelLink: Int] = [:]
  /// How many peers are sent to in another way than this node's own.
  var strangers = 0
  var peerProblems: [String: [RoutingProblem]] = [:]
  var ownProblems: [RoutingProblem] = []
  private var peerCount = 0

  package init(_ configuration: Configuration) throws {
    self.configuration = configuration
    socket = try RouteSocket(namespace: configuration.namespace)
  }

  package var problems: [RoutingProblem] {
    ownProblems + strictFilterProblems + peerProblems.keys.sorted().flatMap { peerProblems[$0] ?? [] }
  }

  package func prepare(_ own: RoutePeer) throws -> Int {
    try readUnderlays(own)
    var own = own
    own.underlay = own.underlay.filter { address in underlays[address.family] != nil }
    compiler = PeerCompiler(own: own, vxlanID: configuration.vxlanID)
    return try reconcile(ownLinks)
  }

  package func synchronize(_ peers: [RoutePeer], keeping: [RoutePeer]) throws -> Int {
    guard let compiler else { return 0 }
    peerCount = peers.count
    peerProblems = [:]
    uses = [:]
    strangers = 0
    var plans: [String: PeerCompiler.Plan] = [:]
    for peer in peers {
      let plan = try compiler.plan(peer, adjacency: adjacency)
      plans[peer.node] = plan
      note(plan, of: peer.node, 1)
    }
    var changes = try reconcile(neededLinks)
    let lost = Set(TunnelLink.allCases).subtracting(interfaces.keys)
    let own = Self.ownEntries(compiler)
    wanted.withLock { wanted in
      wanted.routes = [:]
      wanted.neighbours = [:]
      wanted.forwarding = [:]
      wanted.entries = [:]
      wanted.plans = plans
      wanted.insert(own)
      for (node, plan) in plans where plan.links.isDisjoint(with: lost) {
        let entries = compiler.entries(plan, interfaces: interfaces)
        wanted.entries[node] = entries
        wanted.insert(entries)
      }
    }
    changes += try reconcileEntries(keeping: Set(keeping.flatMap(\.podRanges)))
    return try changes + removeUnneededLinks()
  }

  private static func ownEntries(_ compiler: PeerCompiler) -> RouteEntries {
    var entries = RouteEntries()
    entries.routes = compiler.ownRoutes
    return entries
  }

  package func apply(_ changes: [RoutePeerChange]) throws -> Int {
    guard let compiler else { return 0 }
    var plans: [(node: String, plan: PeerCompiler.Plan?)] = []
    for change in changes {
      let old = wanted.withLock { $0.plans[change.node] }
      if let old { note(old, of: change.node, -1) } else { peerCount += 1 }
      switch change {
      case .removed(let node), .left(let node):
        plans.append((node, nil))
        peerCount -= 1
      case .set(let peer):
        let plan = try compiler.plan(peer, adjacency: adjacency)
        note(plan, of: peer.node, 1)
        plans.append((peer.node, plan))
      }
    }
    let links = try reconcile(neededLinks.subtracting(interfaces.keys))
    let requests = wanted.withLock { update(&$0, plans, compiler) }
    try socket.perform(requests)
    return links + requests.count
  }

  /// Puts plans in the place of those there were. Returns what that asks of the kernel: what packets need before what leads
  /// to it, and what is no longer wanted afterwards, the other way round. What the kernel replaces is not deleted.
  private func update(
    _ wanted: inout KernelObjects, _ plans: [(node: String, plan: PeerCompiler.Plan?)], _ compiler: PeerCompiler
  ) -> [RouteRequest] {
    let before = plans.compactMap { wanted.entries[$0.node] }
    let after = plans.compactMap { $0.plan.map { compiler.entries($0, interfaces: interfaces) } }
    for entries in before { wanted.remove(entries) }
    for entries in after { wanted.insert(entries) }
    for (node, _) in plans {
      wanted.entries[node] = nil
      wanted.plans[node] = nil
    }
    for (node, plan) in plans {
      guard let plan else { continue }
      wanted.plans[node] = plan
      wanted.entries[node] = compiler.entries(plan, interfaces: interfaces)
    }
    let oldNeighbours = Set(before.flatMap(\.neighbours))
    let oldForwarding = Set(before.flatMap(\.forwarding))
    let oldRoutes = Set(before.flatMap(\.routes))
    var requests: [RouteRequest] = []
    requests += Set(after.flatMap(\.neighbours)).subtracting(oldNeighbours).map { .setNeighbour($0) }
    requests += Set(after.flatMap(\.forwarding)).subtracting(oldForwarding).map { .setForwardingEntry($0) }
    requests += Set(after.flatMap(\.routes)).subtracting(oldRoutes).map { .addRoute($0) }
    for route in oldRoutes where wanted.routes[.init(route)] == nil {
      requests.append(.deleteRoute(route).accepting(ESRCH))
    }
    for entry in oldForwarding where wanted.forwarding[.init(entry)] == nil {
      requests.append(.deleteForwardingEntry(entry).accepting(ENOENT))
    }
    for neighbour in oldNeighbours where wanted.neighbours[.init(neighbour)] == nil {
      requests.append(.deleteNeighbour(neighbour).accepting(ENOENT))
    }
    return requests
  }

  /// Counts a peer's plan in or out.
  private func note(_ plan: PeerCompiler.Plan, of node: String, _ sign: Int) {
    if plan.mode != compiler?.own.mode { strangers += sign }
    for step in plan.steps { if let link = step.path.link { uses[link, default: 0] += sign } }
    peerProblems[node] = sign < 0 || plan.problems.isEmpty ? nil : plan.problems
  }

  private func adjacency(of address: IPAddress) throws -> Adjacency {
    guard let found = try socket.lookUpRoute(to: address) else { return .unreachable }
    switch (found.kind, found.interface, found.gateway) {
    case (.local, _, _): return .here
    case (.unicast, let interface?, nil):
      // A tunnel's link is no way to a node's own address.
      return interfaces.values.contains(interface) ? .unreachable : .onLink(interface: interface)
    case (.unicast, _, let gateway?): return .behind(gateway: gateway)
    default: return .unreachable
    }
  }

  /// Links that this node's own way needs, whoever the peers are.
  private var ownLinks: Set<TunnelLink> {
    guard let compiler, let mode = compiler.own.mode else { return [] }
    let families = Set(compiler.own.podRanges.map(\.family))
    var links: Set<TunnelLink> = []
    switch mode {
    case .vxlan, .crossSubnet: links.formUnion(vxlanLinks(for: families))
    case .ipip, .ipipCrossSubnet:
      if compiler.own.underlay(.v4) != nil, families.contains(.v4) { links.insert(.ipip) }
      let rest = links.contains(.ipip) ? families.subtracting([.v4]) : families
      links.formUnion(vxlanLinks(for: rest))
    case .hostGateway: break
    // Peers of other modes than these two send to us by VXLAN, until they are of our mode.
    case .bgp, .wireguard: if peerCount > 0 { links.formUnion(vxlanLinks(for: families)) }
    }
    return links
  }

  var neededLinks: Set<TunnelLink> { ownLinks.union(uses.filter { $0.value > 0 }.keys) }

  /// Pods of a family travel between addresses of that family where this node has one, else of the other.
  private func vxlanLinks(for families: Set<IPFamily>) -> Set<TunnelLink> {
    guard let compiler else { return [] }
    var links: Set<TunnelLink> = []
    for family in families {
      if compiler.own.underlay(family) != nil { links.insert(.vxlan(family)) }
    }
    // IPv6 pods of peers without IPv6 addresses come by IPv4.
    if compiler.own.underlay(.v4) != nil, !families.isEmpty { links.insert(.vxlan4) }
    if links.isEmpty, compiler.own.underlay(.v6) != nil { links.insert(.vxlan6) }
    return links
  }

  package func podMTU() throws -> Int {
    guard let compiler else { throw RoutingError("the pods' MTU is known only once this node's address is") }
    var smallest = underlays.values.map(outerMTU).min() ?? 0
    for link in neededLinks { if let mtu = tunnelMTU(link) { smallest = min(smallest, mtu) } }
    if smallest < 1280, compiler.own.podRanges.contains(where: { $0.family == .v6 }) {
      throw RoutingError(
        "the pods' MTU would be \(smallest), IPv6 needs 1280 (RFC 8200); raise the MTU of "
          + underlays.values.map(\.name).sorted().joined(separator: ", "))
    }
    return smallest
  }

  func outerMTU(_ link: Link) -> Int { min(link.mtu, configuration.underlayMTU ?? link.mtu) }

  /// nil where the link has nothing below it.
  func tunnelMTU(_ link: TunnelLink) -> Int? { underlays[link.underlay].map { outerMTU($0) - link.overhead } }

  package func concerns(_ event: RouteEvent) -> Bool { wanted.withLock { $0.differs(event) } }

  package func remove() throws -> Int {
    let links = try TunnelLink.allCases.compactMap { try socket.link(.name($0.name)) }
    let routes = try ownedRoutes()
    wanted.withLock { $0 = KernelObjects() }
    interfaces = [:]
    uses = [:]
    strangers = 0
    unneeded = [:]
    compiler = nil
    try socket.perform(
      routes.map { .deleteRoute($0).accepting(ESRCH) } + links.map { .deleteLink(.index($0.index)).accepting(ENODEV) })
    return routes.count + links.count
  }
}
