package import Kubernetes
internal import ClusterModel
internal import Linux

/// The network of one node: watches the API and runs the planes. It composes and decides nothing.
package final class NodeAgent: Sendable {
  private let model: SharedModel
  private let feed: ModelFeed
  private let runners: [PlaneRunner]

  /// Makes the planes; nothing is watched before `start`. Throws what a plane cannot do without.
  package init(_ settings: AgentConfiguration, client: APIClient) throws {
    var kinds: Set<ModelKind> = [.node, .namespace, .pod, .service, .endpointSlice, .networkPolicy]
    var planes: [any Plane] = []
    func isOn(_ name: String) -> Bool { !settings.disabledPlanes.contains(name) }
    // Policy first: it closes what the others open.
    if isOn("policy") { planes.append(try PolicyPlane(settings)) }
    if isOn("routing") { planes.append(try RoutingPlane(settings, client)) }
    if isOn("wiring") { planes.append(WiringPlane(settings)) }
    if isOn("leases") { planes.append(LeasesPlane(settings)) }
    if isOn("services") { planes.append(try ServicesPlane(settings)) }
    if isOn("dns"), !settings.clusterDNS.isEmpty { planes.append(try DNSPlane(settings)) }
    if isOn("gateway"), settings.isGateway {
      kinds.formUnion([.ingress, .ingressClass, .secret])
      planes.append(try GatewayPlane(settings, client))
    }
    let model = SharedModel(kinds: kinds)
    self.model = model
    feed = ModelFeed(client, kinds: kinds, into: model)
    runners = planes.map { PlaneRunner($0, model: model) }
  }

  package func start() {
    for runner in runners { runner.start() }
    feed.start()
  }

  /// Stops watching and lets every plane finish what it is doing. What is programmed stays and goes on working.
  package func stop() {
    feed.stop()
    for runner in runners { runner.stop() }
  }

  /// Each plane by name, with what it is doing.
  package var status: [(name: String, status: PlaneRunner.Status)] { runners.map { ($0.name, $0.currentStatus) } }
}
