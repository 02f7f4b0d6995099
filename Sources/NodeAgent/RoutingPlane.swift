package import ClusterModel
package import JSON
package import Kubernetes
internal import Addressing
internal import Linux
internal import Netlink
internal import NodeRouting
internal import PodNetwork
internal import Synchronization

/// Routes between nodes, and the CNI configuration of this one, written once routing is ready.
package final class RoutingPlane: Plane {
  package let name = "routing"
  let settings: AgentConfiguration
  private let client: APIClient
  private let log = Log("agent routing")
  /// Used by the plane's own thread alone, except for `concerns` and `status`, which may be called by any.
  private nonisolated(unsafe) let router: NodeRouter
  let bgp: BGPBackend
  /// The addresses that single Services have this node announce; none for most of them.
  nonisolated(unsafe) var announced: [NamespacedName: BGPServiceAddresses] = [:]
  private let mtu: Mutex<Int?> = Mutex(nil)
  private nonisolated(unsafe) var reported: Set<RoutingProblem> = []
  private nonisolated(unsafe) var conditionFailure: String?
  private let watcher: Mutex<RouteWatch?> = Mutex(nil)
  /// Since when all has been done for the peers, and whether that was enough for the first pods.
  private nonisolated(unsafe) var readySince: Double?
  private nonisolated(unsafe) var isCarrying = false
  /// Seconds.
  private static let patience = 15.0
  /// When something changed last, and when everything was looked over, in seconds of the monotonic clock.
  private nonisolated(unsafe) var lastChange = 0.0
  private nonisolated(unsafe) var lastLook = 0.0

  /// The kernel tells of most drift; a look over everything, which costs by the number of nodes, is for the rest. While a
  /// cluster changes there are former ways to be taken away, so looks are frequent then.
  private static let settlingTime = 120.0
  private static let lookInterval = 60.0

  package init(_ settings: AgentConfiguration, _ client: APIClient) throws {
    self.settings = settings
    self.client = client
    bgp = try BGPBackend(settings.bgp)
    router = try NodeRouter(
      node: settings.nodeName, mode: settings.routing, backends: try Self.backends(settings, bgp))
    for notice in settings.routingNotices { log.warning("\(notice)") }
  }

  /// For `swiftlet status`; from any thread.
  package var status: JSON {
    var status = router.status
    if let mtu = mtu.withLock({ $0 }) { status["mtu"] = .int(Int64(mtu)) }
    return status
  }

  package func wants(_ key: ChangeKey) -> Bool {
    switch key {
    case .node: true
    case .service: settings.routing == .bgp
    default: false
    }
  }

  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {
    nonisolated(unsafe) let router = router
    let started = try RouteWatch(
      [.links, .addresses, .routes, .neighbours], concerns: { router.concerns($0) }, onChange: requestRepair)
    watcher.withLock { $0 = started }
    bgp.whenBIRDEnds(requestRepair)
  }

  package func stop() {
    watcher.withLock { watcher in
      watcher?.stop()
      watcher = nil
    }
    bgp.detach()
  }

  package func synchronize(_ model: SharedModel) throws {
    let nodes = model.read { Array($0.nodes.values) }
    readServices(model)
    try report(router.synchronize(nodes), "changes")
    try publish(model)
  }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {
    try applyServices(keys, model)
    let changes: [(name: String, node: Node?)] = model.read { state in
      keys.compactMap { key in
        guard case .node(let name) = key else { return nil }
        return (name, state.nodes[name])
      }
    }
    if changes.isEmpty { return }
    try report(router.apply(changes), "changes")
    try publish(model)
  }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws {
    let now = Time.monotonicSeconds
    // Of WireGuard's peers and of BIRD the kernel tells nothing.
    let isTold = settings.routing != .wireguard && settings.routing != .bgp
    let isCalm = now - lastChange > Self.settlingTime && now - lastLook < Self.lookInterval
    if occasion == .routine, isTold, isCalm { return }
    lastLook = now
    let changes = try router.repair()
    report(changes, occasion == .foreignChange ? "repairs of what was changed by others" : "repairs")
    try publish(model)
  }

  func report(_ changes: Int, _ what: String) {
    let problems = Set(router.problems)
    for problem in problems.subtracting(reported) { log.error("\(problem)") }
    reported = problems
    if changes > 0 || lastChange == 0 { lastChange = Time.monotonicSeconds }
    if changes > 0 { log.info("\(changes) \(what), \(router.peerCount) peers") }
  }

  /// Tells the peers, the runtime and the API what this node's routing is, once it is ready.
  private func publish(_ model: SharedModel) throws {
    // Without a Node object, an address or a pod range there is nothing to route yet; each is a change of the Node.
    guard router.isReady, let own = model.read({ $0.nodes[settings.nodeName] }) else { return }
    try announce(router.announcement, of: own)
    if !mayCarryPods() { return }
    let mtu = try router.podMTU()
    self.mtu.withLock { $0 = mtu }
    try configurePodNetwork(own.podRanges, mtu: mtu)
    setCondition(of: own)
  }

  /// The first pods of a node wait until the node's peers are reached, which BGP sessions take seconds for; but not for
  /// ever, since a peer may be down. A runtime that has its configuration from an earlier agent waits for nothing.
  private func mayCarryPods() -> Bool {
    if isCarrying { return true }
    let now = Time.monotonicSeconds
    let since = readySince ?? now
    readySince = since
    let awaited = router.awaitedPeers
    isCarrying =
      awaited.isEmpty || now - since >= Self.patience
      || Files.exists(settings.cniConfigurationDirectory + "/\(PodNetworkConfiguration.fileName)")
    if isCarrying, !awaited.isEmpty {
      log.warning("pods may come though not reached yet: \(awaited.joined(separator: ", "))")
    }
    return isCarrying
  }

  private func announce(_ announcement: [String: String], of node: Node) throws {
    let missing = announcement.filter { node.annotations[$0.key] != $0.value }
    let stale = RouteAnnotation.written.filter { node.annotations[$0] != nil && announcement[$0] == nil }
    if missing.isEmpty, stale.isEmpty { return }
    // A merge patch (RFC 7396) removes what is null.
    let members = missing.map { ($0.key, JSON.string($0.value)) } + stale.map { ($0, JSON.null) }
    let annotations = JSON.Object(members.sorted { $0.0 < $1.0 }.map { ($0.0, $0.1) })
    try client.patch(.nodes, name: node.name, .merge, ["metadata": ["annotations": .object(annotations)]])
  }

  private func configurePodNetwork(_ ranges: [Prefix], mtu: Int) throws {
    let configuration = PodNetworkConfiguration(
      podRanges: ranges, serviceRanges: settings.serviceRanges, mtu: mtu, wiring: settings.wiring,
      dataDirectory: settings.cniDataDirectory)
    if try configuration.write(to: settings.cniConfigurationDirectory + "/\(PodNetworkConfiguration.fileName)") {
      log.info("pod network of \(ranges.map(\.description).joined(separator: ", ")), MTU \(mtu)")
    }
    if let path = settings.subnetEnvironmentFile {
      let environment = FlannelEnvironment(networks: settings.podRanges, subnets: ranges, mtu: mtu)
      try environment.write(to: path)
    }
  }

  /// Cloud controllers keep pods off a node until its routes are there; this says that they are. Routing goes on without.
  private func setCondition(of node: Node) {
    let reason = "SwiftletRoutingReady"
    if node.networkUnavailable == NodeCondition(status: "False", reason: reason) { return }
    let now = JSON.string("\(Timestamp.now())")
    let condition: JSON = [
      "type": "NetworkUnavailable", "status": "False", "reason": .string(reason),
      "message": .string("Swiftlet carries this node's pods by \(settings.routing.rawValue)"),
      "lastHeartbeatTime": now, "lastTransitionTime": now,
    ]
    do {
      try client.patch(
        .nodes, name: node.name, .strategicMerge, ["status": ["conditions": [condition]]], subresource: "status")
      conditionFailure = nil
    } catch {
      let text = "\(error)"
      if text != conditionFailure { log.warning("condition NetworkUnavailable of the node cannot be set: \(text)") }
      conditionFailure = text
    }
  }
}
