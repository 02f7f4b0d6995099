package import ClusterModel
package import Kubernetes
internal import Addressing
internal import JSON
internal import Linux
internal import NodeRouting
internal import PodNetwork

/// Routes between nodes, and the CNI configuration of this one, written once routing is ready.
package final class RoutingPlane: Plane {
  package let name = "routing"
  private let settings: AgentConfiguration
  private let client: APIClient
  private let log = Log("agent routing")
  /// Made when the node's address is known; used by the plane's own thread alone.
  private nonisolated(unsafe) var routing: VXLANRouting?
  private nonisolated(unsafe) var reported: Set<VXLANTopology.Problem> = []

  package init(_ settings: AgentConfiguration, _ client: APIClient) {
    self.settings = settings
    self.client = client
  }

  package func wants(_ key: ChangeKey) -> Bool { if case .node = key { true } else { false } }

  package func synchronize(_ model: SharedModel) throws { try reconcile(model, isRepair: true) }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws { try reconcile(model, isRepair: false) }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws { try reconcile(model, isRepair: true) }

  private func reconcile(_ model: SharedModel, isRepair: Bool) throws {
    let nodes = model.read { Array($0.nodes.values) }
    // Without a Node object, an address or a pod range there is nothing to route yet; each is a change of the Node.
    guard let own = nodes.first(where: { $0.name == settings.nodeName }),
      let address = own.addresses.first(where: { $0.family == .v4 })
    else { return }
    let routing = try routing(to: address)
    try announce(routing.announcement, of: own)
    let topology = VXLANTopology(own: own.name, nodes: nodes)
    for problem in Set(topology.problems).subtracting(reported) { log.error("\(problem)") }
    reported = Set(topology.problems)
    let changes = isRepair ? try routing.repair(topology) : try routing.apply(topology)
    if changes > 0 { log.info("\(changes) changes for \(topology.peers.count) peers") }
    if !own.podRanges.isEmpty { try configurePodNetwork(own.podRanges, mtu: try routing.podMTU()) }
  }

  /// A node that changed its address gets another tunnel end.
  private func routing(to address: IPAddress) throws -> VXLANRouting {
    if let routing, routing.announcement.publicAddress == address { return routing }
    let made = try VXLANRouting(.init(nodeName: settings.nodeName, publicAddress: address))
    routing = made
    return made
  }

  private func announce(_ announcement: VXLANAnnouncement, of node: Node) throws {
    let missing = announcement.annotations.filter { node.annotations[$0.key] != $0.value }
    if missing.isEmpty { return }
    try client.patch(
      .nodes, name: node.name, .merge, ["metadata": ["annotations": JSON(stringMap: missing)]])
  }

  private func configurePodNetwork(_ ranges: [Prefix], mtu: Int) throws {
    let configuration = PodNetworkConfiguration(
      podRanges: ranges, serviceRanges: settings.serviceRanges, mtu: mtu, dataDirectory: settings.cniDataDirectory)
    if try configuration.write(to: settings.cniConfigurationDirectory + "/\(PodNetworkConfiguration.fileName)") {
      log.info("pod network of \(ranges.map(\.description).joined(separator: ", ")), MTU \(mtu)")
    }
  }
}
