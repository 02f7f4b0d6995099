package import Addressing
internal import Glibc
internal import JSON
package import Linux
package import Netlink
internal import Synchronization

/// Routes between nodes, and to routers outside, by BGP: BIRD 2, which this configures and watches. What BIRD learns it
/// puts into the kernel itself, and goes on doing so while no agent runs.
package final class BGPBackend: RoutingBackend, Sendable {
  package struct Settings: Sendable {
    /// Where BIRD's files are.
    package var directory: String
    /// The operator's configuration; nil is the usual one, without peers outside.
    package var configurationFile: String?
    /// The nodes' autonomous system where the file says none.
    package var asNumber = ASNumber.usual
    /// Ranges of the whole cluster.
    package var podRanges: [Prefix]
    package var serviceRanges: [Prefix]
    package var program = "bird"
    /// nil is the caller's own.
    package var namespace: NetworkNamespace?

    package init(
      directory: String, configurationFile: String? = nil, podRanges: [Prefix], serviceRanges: [Prefix],
      namespace: NetworkNamespace? = nil
    ) {
      self.directory = directory
      self.configurationFile = configurationFile
      self.podRanges = podRanges
      self.serviceRanges = serviceRanges
      self.namespace = namespace
    }
  }

  struct State {
    var own: RoutePeer?
    var peers: [String: RoutePeer] = [:]
    var services = BGPServiceAddresses()
    /// The last one that could be read; nil before the first.
    var configuration: BGPConfiguration?
    /// Why the file is not what is in force.
    var refusal: String?
    var speaker: BGPSpeaker?
    /// Pod ranges that BIRD has put into the kernel, as last seen.
    var installed: Set<Prefix> = []
    /// A route of BIRD's was taken out of the kernel, by BIRD or by someone else.
    var hasLostRoutes = false
    /// TCP segments with a wrong signature that the namespace had counted when BIRD was started or adopted.
    var signatureFailures: SignatureFailures?
    var monitor: Linux.Thread?
  }

  package let modes: Set<RoutingMode> = [.bgp]
  let settings: Settings
  let bird: BIRDController
  let state = Mutex(State())
  private let cancel: EventSignal
  private let onEnd: Mutex<(@Sendable () -> Void)?> = Mutex(nil)

  /// Adopts a BIRD that an earlier agent left running.
  package init(_ settings: Settings) throws(SystemError) {
    self.settings = settings
    bird = BIRDController(directory: settings.directory, program: settings.program, namespace: settings.namespace)
    cancel = try EventSignal()
  }

  /// Calls whenever BIRD has ended without being asked to: `synchronize` starts it again. From any thread.
  package func whenBIRDEnds(_ body: @escaping @Sendable () -> Void) { onEnd.withLock { $0 = body } }

  /// The addresses of Services that this node announces from the next pass on.
  package func announce(_ services: BGPServiceAddresses) { state.withLock { $0.services = services } }

  /// Tells BIRD of other addresses of Services. Returns how many objects were changed.
  package func update(_ services: BGPServiceAddresses) throws -> Int {
    announce(services)
    return state.withLock({ $0.speaker != nil }) ? try converge() : 0
  }

  // MARK: RoutingBackend

  /// BIRD is told nothing yet: the peers are not known, and an adopted one must not forget them.
  package func prepare(_ own: RoutePeer) throws -> Int {
    state.withLock { $0.own = own }
    _ = try podMTU()
    return 0
  }

  /// Nodes find one another's addresses, ranges and autonomous systems in what the Node object says anyway.
  package var announcement: [String: String] { [:] }

  /// That of the links with the node's addresses: nothing is added to a packet.
  package func podMTU() throws -> Int {
    guard let own = state.withLock({ $0.own }) else {
      throw RoutingError("BGP: the node's own addresses are not known")
    }
    let socket = try RouteSocket(namespace: settings.namespace)
    let held = try socket.addresses()
    var smallest: Int?
    for address in own.underlay {
      guard let interface = held.first(where: { $0.address == address })?.interface,
        let link = try socket.link(.index(interface))
      else {
        throw RoutingError(
          "no link has this node's address \(address); BGP needs it as the source of its sessions. "
            + "Give the Node an InternalIP that the machine has")
      }
      smallest = min(smallest ?? link.mtu, link.mtu)
    }
    guard let smallest else {
      throw RoutingError("the node has no address; BGP needs one. Give the Node an InternalIP that the machine has")
    }
    return smallest
  }

  package func synchronize(_ peers: [RoutePeer], keeping: [RoutePeer]) throws -> Int {
    state.withLock { state in
      state.peers = Dictionary(peers.map { ($0.node, $0) }) { first, _ in first }
    }
    if !keeping.isEmpty, let running = try? Set(bird.protocols().map(\.name)) {
      let kept = keeping.filter { peer in
        IPFamily.allCases.contains { running.contains(BGPSession.name("node", peer.node, $0)) }
      }
      state.withLock { state in for peer in kept where state.peers[peer.node] == nil { state.peers[peer.node] = peer } }
    }
    let changes = try converge()
    let hasLostRoutes = state.withLock { state in
      defer { state.hasLostRoutes = false }
      return state.hasLostRoutes
    }
    // By itself BIRD looks at the kernel's table every 20 seconds.
    if hasLostRoutes { try bird.restoreKernelRoutes() }
    return changes
  }

  package func apply(_ changes: [RoutePeerChange]) throws -> Int {
    state.withLock { state in
      for change in changes {
        switch change {
        case .set(let peer): state.peers[peer.node] = peer
        case .removed(let node), .left(let node): state.peers[node] = nil
        }
      }
    }
    return try converge()
  }

  /// All of its pods' ranges are routes of BIRD's in the kernel.
  package func carries(_ peer: RoutePeer) -> Bool {
    let isKnown = state.withLock { state in peer.podRanges.allSatisfy { state.installed.contains($0) } }
    if isKnown { return true }
    guard let routes = try? ownRoutes() else { return false }
    let installed = Set(routes.map(\.destination))
    state.withLock { $0.installed = installed }
    return peer.podRanges.allSatisfy { installed.contains($0) }
  }

  /// Whether BIRD has put a route into the kernel or one of its routes is gone: `carries` tells anew then, and
  /// `synchronize` puts back what someone else took.
  package func concerns(_ event: RouteEvent) -> Bool {
    switch event {
    case .route(let route): return Self.isOurs(route)
    case .routeRemoved(let route):
      guard Self.isOurs(route) else { return false }
      state.withLock { state in
        state.installed.remove(route.destination)
        state.hasLostRoutes = true
      }
      return true
    default: return false
    }
  }

  /// Ends BIRD and takes away what it put into the kernel.
  package func remove() throws -> Int {
    guard bird.hasTraces else { return 0 }
    try bird.stop()
    state.withLock { state in
      state.speaker = nil
      state.installed = []
    }
    let routes = try ownRoutes()
    try RouteSocket(namespace: settings.namespace).perform(routes.map { .deleteRoute($0).accepting(ESRCH) })
    return 1 + routes.count
  }

  package var problems: [RoutingProblem] {
    state.withLock { state in
      var problems = state.speaker?.problems ?? []
      if let refusal = state.refusal {
        problems.append(RoutingProblem(node: state.own?.node ?? "", "\(refusal); the configuration before it goes on"))
      }
      return problems
    }
  }

  /// Leaves BIRD running for the next agent.
  package func detach() {
    onEnd.withLock { $0 = nil }
    cancel.signal()
    state.withLock { state in
      defer { state.monitor = nil }
      return state.monitor
    }?.join()
  }

  // MARK: BIRD

  private static func isOurs(_ route: Route) -> Bool {
    route.protocolNumber == BIRDConfiguration.routeProtocol && route.metric == BIRDConfiguration.metric
      && route.table == Route.mainTable
  }

  func ownRoutes() throws -> [Route] {
    try RouteSocket(namespace: settings.namespace).routes(protocolNumber: BIRDConfiguration.routeProtocol)
      .filter { Self.isOurs($0) }
  }

  /// Makes BIRD run what is known now. Returns 1 if it had to be told something.
  private func converge() throws -> Int {
    readConfiguration()
    let (speaker, refusal): (BGPSpeaker?, String?) = state.withLock { state in
      guard let own = state.own, let configuration = state.configuration else { return (nil, state.refusal) }
      let speaker = BGPSpeaker(
        own: own, peers: state.peers.values, configuration: configuration, clusterPodRanges: settings.podRanges,
        serviceRanges: settings.serviceRanges, services: state.services)
      state.speaker = speaker
      return (speaker, nil)
    }
    guard let speaker else {
      throw RoutingError(refusal ?? "BGP: the node's own addresses are not known")
    }
    let outcome = try bird.apply(isRecovery: { try !ownRoutes().isEmpty }) { BIRDConfiguration(speaker, log: $0) }
    watch(startedAnew: outcome == .started)
    return outcome == .unchanged ? 0 : 1
  }

  /// A configuration that cannot be read leaves the one before in force.
  private func readConfiguration() {
    let result: Result<BGPConfiguration, any Error>
    do {
      var configuration = BGPConfiguration()
      configuration.asNumber = settings.asNumber
      if let file = settings.configurationFile {
        configuration = try BGPConfiguration(file: file, usualAS: settings.asNumber)
      }
      result = .success(configuration)
    } catch {
      result = .failure(error)
    }
    state.withLock { state in
      switch result {
      case .success(let configuration):
        state.configuration = configuration
        state.refusal = nil
      case .failure(let error): state.refusal = "\(error)"
      }
    }
  }

  private func watch(startedAnew: Bool) {
    state.withLock { state in
      if state.signatureFailures == nil || startedAnew {
        state.signatureFailures = SignatureFailures(namespace: settings.namespace)
      }
      guard startedAnew || state.monitor == nil else { return }
      state.monitor?.join()  // its process has ended
      state.monitor = bird.whenEnded(cancel: cancel) { [weak self] in self?.onEnd.withLock { $0 }?() }
    }
  }
}
