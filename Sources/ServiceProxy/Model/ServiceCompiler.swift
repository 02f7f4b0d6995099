package import Addressing
package import ClusterModel

/// Turns a Service and its endpoints into frontends for one node. Pure: what this returns is what the kernel will hold.
///
/// The rules are those of kube-proxy: KEP-2086 (internal traffic policy), KEP-1669 (terminating endpoints), KEP-2433 and
/// KEP-4444 (topology hints), KEP-1860 (ipMode), and the core/v1 ServiceSpec.
package struct ServiceCompiler: Hashable, Sendable {
  package var nodeName: String
  package var zone: String?
  /// Addresses of this node. A source range that holds one of them also admits the node's own connections to a load
  /// balancer's address, which carry that address as their source.
  package var nodeAddresses: [IPAddress]

  package init(nodeName: String, zone: String? = nil, nodeAddresses: [IPAddress] = []) {
    self.nodeName = nodeName
    self.zone = zone
    self.nodeAddresses = nodeAddresses
  }

  /// Headless Services, ExternalName, those of another proxy, and Services without an address ask for nothing.
  package func compile(_ input: ServiceWithEndpoints) -> CompiledService {
    let service = input.service
    var compiled = CompiledService()
    let addresses = service.clusterAddresses.filter { !$0.isUnspecified }
    if service.isHeadless || service.kind == .externalName || !service.isProxied || addresses.isEmpty {
      return compiled
    }
    compiled.addresses = addresses
    let families = Set(addresses.map(\.family))
    let balanced = service.kind == .loadBalancer ? service.loadBalancerAddresses : []
    for port in service.ports {
      for family in families {
        let endpoints = PortEndpoints(input, port, family, self)
        for address in addresses where address.family == family {
          compiled.frontends[FrontendKey(address, port.transport, port.port)] = endpoints.clusterFrontend(service)
        }
        for address in service.externalAddresses where address.family == family {
          compiled.frontends[FrontendKey(address, port.transport, port.port)] = endpoints.outerFrontend(
            service, .external)
        }
        for address in balanced where address.family == family {
          var frontend = endpoints.outerFrontend(service, .balancer)
          frontend.sourceRanges = sourceRanges(of: service, for: address)
          compiled.frontends[FrontendKey(address, port.transport, port.port)] = frontend
        }
        if service.kind == .nodePort || service.kind == .loadBalancer, let nodePort = port.nodePort {
          compiled.frontends[.nodePort(family, port.transport, nodePort)] = endpoints.outerFrontend(service, .nodePort)
        }
      }
    }
    compiled.healthCheck = healthCheck(input)
    return compiled
  }

  /// nil where everyone may: no range of the family, or one that holds all addresses.
  private func sourceRanges(of service: Service, for address: IPAddress) -> [Prefix]? {
    let ranges = service.sourceRanges.filter { $0.family == address.family }
    if ranges.isEmpty || ranges.contains(where: { $0.length == 0 }) { return nil }
    let holdsNode = nodeAddresses.contains { own in ranges.contains { $0.contains(own) } }
    return (ranges + (holdsNode ? [Prefix(host: address)] : [])).distinct(address.family)
  }

  private func healthCheck(_ input: ServiceWithEndpoints) -> CompiledService.HealthCheck? {
    guard input.service.kind == .loadBalancer, input.service.isExternalTrafficLocal,
      let port = input.service.healthCheckNodePort
    else { return nil }
    var ready: Set<IPAddress> = []
    for slice in input.slices where !slice.isHeadless {
      for endpoint in slice.endpoints where endpoint.isReady && endpoint.node == nodeName {
        if let address = endpoint.addresses.first { ready.insert(address) }
      }
    }
    return .init(port: port, localEndpoints: ready.count)
  }
}

/// The endpoints of one port in one family, sorted into what each kind of client may have.
struct PortEndpoints {
  let comment: String
  /// All that may serve, by topology; and without it.
  let everywhere: [Target]
  let near: [Target]
  let local: [Target]
  let serving: [Target]

  init(_ input: ServiceWithEndpoints, _ port: Service.Port, _ family: IPFamily, _ compiler: ServiceCompiler) {
    var input = input
    input.slices.removeAll { $0.isHeadless }
    let backends = input.backends(of: port, family: family)
    comment = "\(input.service.id):\(port.name.isEmpty ? "\(port.port)" : port.name)"
    everywhere = Self.usable(backends)
    let hinted = Self.hinted(backends, compiler)
    near = hinted.isEmpty ? everywhere : hinted
    local = Self.usable(backends.filter { $0.endpoint.node == compiler.nodeName })
    serving = backends.filter { $0.endpoint.isServing }.map { Target($0.address, $0.port) }
  }

  /// The ready endpoints; if there are none, those that are terminating but still serve (KEP-1669).
  private static func usable(_ backends: [ServiceWithEndpoints.Backend]) -> [Target] {
    let ready = backends.filter { $0.endpoint.isReady }
    let chosen = ready.isEmpty ? backends.filter { $0.endpoint.isServing && $0.endpoint.isTerminating } : ready
    return chosen.map { Target($0.address, $0.port) }
  }

  /// The ready endpoints hinted for this node, else for its zone. Hints count only if every ready endpoint has one; empty
  /// where they do not.
  private static func hinted(_ backends: [ServiceWithEndpoints.Backend], _ compiler: ServiceCompiler) -> [Target] {
    let ready = backends.filter { $0.endpoint.isReady }
    func targets(_ isMeant: (EndpointSlice.Endpoint) -> Bool) -> [Target] {
      ready.filter { isMeant($0.endpoint) }.map { Target($0.address, $0.port) }
    }
    if ready.allSatisfy({ !$0.endpoint.hintedNodes.isEmpty }) {
      let found = targets { $0.hintedNodes.contains(compiler.nodeName) }
      if !found.isEmpty { return found }
    }
    guard let zone = compiler.zone, ready.allSatisfy({ !$0.endpoint.hintedZones.isEmpty }) else { return [] }
    return targets { $0.hintedZones.contains(zone) }
  }

  /// Endpoints elsewhere, none here: the policy forbids them, which is not the same as there being none.
  private var onThisNode: TargetChoice {
    TargetChoice(local, withoutTargets: local.isEmpty && !everywhere.isEmpty ? .drop : .reject, isLocal: true)
  }

  func clusterFrontend(_ service: Service) -> WantedFrontend {
    frontend(service, .cluster, inside: service.isInternalTrafficLocal ? onThisNode : TargetChoice(near))
  }

  /// NodePorts, external and load balancer addresses: the node and its pods reach every endpoint, whatever the policy.
  func outerFrontend(_ service: Service, _ role: FrontendRole) -> WantedFrontend {
    frontend(service, role, inside: TargetChoice(near), outside: service.isExternalTrafficLocal ? onThisNode : nil)
  }

  private func frontend(
    _ service: Service, _ role: FrontendRole, inside: TargetChoice, outside: TargetChoice? = nil
  ) -> WantedFrontend {
    var wanted = WantedFrontend(comment: comment, role: role, inside: inside)
    wanted.outside = outside
    wanted.affinityTimeout = service.affinityTimeout
    let chosen = Set(inside.targets + (outside?.targets ?? []))
    wanted.draining = serving.filter { !chosen.contains($0) }
    return wanted
  }
}
