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
    let slices = SlicesByPort(input)
    for port in service.ports {
      for family in families {
        let endpoints = PortEndpoints(slices[port], port, family, self)
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
        ready.insert(endpoint.address)
      }
    }
    return .init(port: port, localEndpoints: ready.count)
  }
}
