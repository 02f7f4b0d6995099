package import ClusterModel

/// Why connections are sent to an endpoint of a Service, or are not.
package struct BackendUse: Hashable, Sendable {
  /// Name of the Service's port, or its number.
  package var port: String
  package var transport: TransportProtocol
  package var node: String?
  /// `ready`, `terminating` (but serving) or `not ready`.
  package var state: String
  /// `used`, or a sentence on who does not get it.
  package var use: String
  package var target: Target
}

extension ServiceCompiler {
  /// The endpoints of a Service, one line a port, as this node sees them.
  package func explain(_ input: ServiceWithEndpoints) -> [BackendUse] {
    let service = input.service
    var input = input
    input.slices.removeAll { $0.isHeadless }
    var uses: [BackendUse] = []
    let slices = SlicesByPort(input)
    for port in service.ports {
      let input = slices[port]
      for family in Set(service.clusterAddresses.map(\.family)).sorted(by: { $0 == .v4 && $1 != .v4 }) {
        let endpoints = PortEndpoints(input, port, family, self)
        for backend in input.backends(of: port, family: family) {
          let target = Target(backend.address, backend.port)
          uses.append(
            BackendUse(
              port: port.name.isEmpty ? "\(port.port)" : port.name, transport: port.transport,
              node: backend.endpoint.node, state: Self.state(backend.endpoint),
              use: use(target, backend.endpoint, endpoints, service), target: target))
        }
      }
    }
    return uses
  }

  private static func state(_ endpoint: EndpointSlice.Endpoint) -> String {
    if endpoint.isReady { return "ready" }
    return endpoint.isServing && endpoint.isTerminating ? "terminating" : "not ready"
  }

  private func use(
    _ target: Target, _ endpoint: EndpointSlice.Endpoint, _ endpoints: PortEndpoints, _ service: Service
  ) -> String {
    let hints =
      (endpoint.hintedNodes.sorted().map { "node \($0)" } + endpoint.hintedZones.sorted().map { "zone \($0)" })
    let state = endpoint.isServing ? "it terminates while others are ready" : "it is not ready"
    let far = hints.isEmpty ? "others are hinted for this node" : "its hints are for \(hints.joined(separator: ", "))"
    /// nil where those whom a policy concerns get the endpoint.
    func refusal(isLocal: Bool, _ field: String) -> String? {
      if (isLocal ? endpoints.local : endpoints.near).contains(target) { return nil }
      if isLocal, endpoint.node != nodeName { return "\(field) is Local and it is on node \(endpoint.node ?? "?")" }
      return endpoints.everywhere.contains(target) ? far : state
    }
    let cluster = refusal(isLocal: service.isInternalTrafficLocal, "internalTrafficPolicy")
    let hasOuter = service.kind == .nodePort || service.kind == .loadBalancer || !service.externalAddresses.isEmpty
    guard hasOuter else { return cluster.map { "not used: \($0)" } ?? "used" }
    let outside = refusal(isLocal: service.isExternalTrafficLocal, "externalTrafficPolicy")
    return switch (cluster, outside) {
    case (nil, nil): "used"
    case (nil, let reason?): "used; not for clients outside: \(reason)"
    case (let reason?, nil): "for clients outside only: \(reason)"
    case (let reason?, let other?): "not used: \(reason == other ? reason : "\(reason); \(other)")"
    }
  }
}
