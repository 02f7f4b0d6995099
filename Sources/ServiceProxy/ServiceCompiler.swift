internal import Addressing
package import ClusterModel

/// Turns a Service and its endpoints into frontends for one node. Pure: what this returns is what the kernel will hold.
package struct ServiceCompiler: Hashable, Sendable {
  /// The name of this node, for `internalTrafficPolicy: Local`.
  package var nodeName: String

  package init(nodeName: String) { self.nodeName = nodeName }

  /// Headless Services, ExternalName and Services without an address ask for nothing.
  package func compile(_ input: ServiceWithEndpoints) -> CompiledService {
    let service = input.service
    var compiled = CompiledService()
    if service.isHeadless || service.kind == .externalName { return compiled }
    for address in service.clusterAddresses where !address.isUnspecified {
      compiled.addresses.append(address)
      for port in service.ports {
        compiled.frontends[FrontendKey(address, port.transport, port.port)] = frontend(input, port, address.family)
      }
    }
    return compiled
  }

  private func frontend(_ input: ServiceWithEndpoints, _ port: Service.Port, _ family: IPFamily) -> WantedFrontend {
    let backends = input.backends(of: port, family: family)
    let name = port.name.isEmpty ? "\(port.port)" : port.name
    var wanted = WantedFrontend(comment: "\(input.service.id):\(name)", targets: [])
    let everywhere = Self.usable(backends)
    if input.service.isInternalTrafficLocal {
      wanted.targets = Self.usable(backends.filter { $0.endpoint.node == nodeName })
      // Endpoints elsewhere, none here: the policy forbids them, which is not the same as there being none.
      if wanted.targets.isEmpty, !everywhere.isEmpty { wanted.withoutTargets = .drop }
    } else {
      wanted.targets = everywhere
    }
    let chosen = Set(wanted.targets)
    wanted.draining = backends.filter { $0.endpoint.isServing }.map { Target($0.address, $0.port) }
      .filter { !chosen.contains($0) }
    return wanted
  }

  /// The ready endpoints; if there are none, those that are terminating but still serve (KEP-1669).
  private static func usable(_ backends: [ServiceWithEndpoints.Backend]) -> [Target] {
    let ready = backends.filter { $0.endpoint.isReady }
    let chosen = ready.isEmpty ? backends.filter { $0.endpoint.isServing && $0.endpoint.isTerminating } : ready
    return chosen.map { Target($0.address, $0.port) }
  }
}
