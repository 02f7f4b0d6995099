internal import Addressing
package import ClusterModel
internal import HTTPRouting
internal import JSON
package import Kubernetes
internal import Linux

/// Ingress on a gateway node: HAProxy, started and driven by the agent, and the statuses of the Ingresses it serves.
package final class GatewayPlane: Plane {
  package let name = "gateway"
  /// On a Node whose gateway serves.
  private static let annotation = "swiftlet.dev/serves-ingresses"
  private let settings: AgentConfiguration
  private let client: APIClient
  private let haproxy: HAProxyController
  private let log = Log("agent gateway")

  // Used by the plane's own thread alone.
  private nonisolated(unsafe) var reported: Set<HTTPRoutes.Problem> = []
  /// The ports of every Service that an Ingress names, nil where there is no such Service (yet).
  private nonisolated(unsafe) var referenced: [NamespacedName: [Service.Port]?] = [:]

  package init(_ settings: AgentConfiguration, _ client: APIClient) throws {
    self.settings = settings
    self.client = client
    // The families of the nodes; IPv4 where nobody told.
    let families = settings.nodeRanges.isEmpty ? [.v4] : settings.nodeRanges.map(\.family)
    let everywhere = families.map { IPAddress($0, number: 0) }
    let log = log
    haproxy = try HAProxyController(
      .init(
        directory: settings.stateDirectory + "/haproxy", http: everywhere.map { AddressAndPort($0, 80) },
        https: everywhere.map { AddressAndPort($0, 443) })
    ) { log.warning($0) }
  }

  package func wants(_ key: ChangeKey) -> Bool {
    switch key {
    case .ingress, .ingressClass, .certificate, .service: true
    case .node(let name): name == settings.nodeName
    default: false
    }
  }

  package func synchronize(_ model: SharedModel) throws { try compile(model) }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {
    for key in keys {
      guard case .service(let id) = key else { return try compile(model) }
      guard let ports = referenced[id] else { continue }
      let service = model.read { $0.serviceWithEndpoints(id) }
      // Endpoints alone change servers; a port or a Service that comes or goes changes routes.
      guard let service, service.service.ports == ports else { return try compile(model) }
      try haproxy.update(service: service)
    }
  }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws { try compile(model) }

  private func compile(_ model: SharedModel) throws {
    let (routes, ingresses, services, node) = model.read { state in
      let routes = RouteCompiler.compile(
        state.ingresses.values, classes: state.ingressClasses.values, certificate: { state.certificates[$0] },
        service: state.serviceWithEndpoints)
      var services: [NamespacedName: [Service.Port]?] = [:]
      for ingress in state.ingresses.values {
        for id in ingress.services { services.updateValue(state.services[id]?.ports, forKey: id) }
      }
      return (routes, Array(state.ingresses.values), services, state.nodes[settings.nodeName])
    }
    for problem in Set(routes.problems).subtracting(reported) { log.warning("\(problem)") }
    reported = Set(routes.problems)
    referenced = services
    switch try haproxy.apply(routes) {
    case .unchanged: break
    case .changed(let commands): log.info("\(commands) changes without a reload")
    case .reloaded: log.info("reloaded for new routes")
    case .started: log.info("HAProxy started")
    }
    if settings.gatewayTellsNode {
      try tell(node)
    } else {
      try publish(routes.statuses(addresses: node?.addresses ?? []), of: ingresses)
    }
  }

  /// Says on the own Node that the gateway serves.
  private func tell(_ node: Node?) throws {
    guard let node, node.annotations[Self.annotation] != "true" else { return }
    try client.patch(
      .nodes, name: node.name, .merge, ["metadata": ["annotations": JSON(stringMap: [Self.annotation: "true"])]])
  }

  /// Tells in each Ingress's status where it is served.
  private func publish(_ statuses: [NamespacedName: [IPAddress]], of ingresses: [Ingress]) throws {
    for ingress in ingresses {
      guard let addresses = statuses[ingress.id], addresses != ingress.statusAddresses else { continue }
      do {
        try client.patch(
          .ingresses, namespace: ingress.id.namespace, name: ingress.id.name, .merge,
          ["status": ["loadBalancer": ["ingress": .array(addresses.map { ["ip": .string("\($0)")] })]]],
          subresource: "status")
      } catch let status as APIStatus where status.code == 404 {
        continue  // deleted meanwhile; its event is on the way
      }
    }
  }

  /// HAProxy goes on serving; the next agent adopts it.
  package func stop() { haproxy.detach() }
}

extension Ingress {
  /// The Services it names.
  fileprivate var services: Set<NamespacedName> {
    let backends = rules.flatMap { $0.paths.map(\.backend) } + (defaultBackend.map { [$0] } ?? [])
    return Set(backends.map { NamespacedName(id.namespace, $0.service) })
  }
}
