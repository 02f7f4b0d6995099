package import Addressing
package import ClusterModel

/// What the kernel has counted and remembers.
package struct ServiceCounts: Sendable {
  /// A client and the endpoint it keeps.
  package struct Remembered: Hashable, Sendable {
    package var frontend: FrontendKey
    package var target: Target
    package var client: IPAddress
  }

  /// Connections that came to a frontend, since it or the number of its endpoints changed.
  package var frontends: [FrontendKey: UInt64] = [:]
  /// Connections that were sent to an endpoint, since it was last put into its place.
  package var targets: [FrontendKey: [Target: UInt64]] = [:]
  package var remembered: [Remembered] = []
}

extension ServiceProxy {
  /// What the kernel has counted; nil where the back end counts nothing.
  package func counts(endpoints: Bool = true) throws -> ServiceCounts? {
    try core.withLock { core in core.hasSynced ? try core.backend.counts(endpoints: endpoints) : nil }
  }

  /// The Service that has a frontend.
  package func owner(of key: FrontendKey) -> NamespacedName? { core.withLock { $0.model.state.frontends[key]?.owner } }

  /// What a Service has here, in order.
  package func frontends(of id: NamespacedName) -> [(key: FrontendKey, value: ServiceState.Frontend)] {
    core.withLock { $0.model.state.frontends(of: id) }
  }

  /// Frontends whose policy allows no endpoint of this node, by family: of cluster addresses, and for clients outside.
  package var withoutLocalEndpoints: [IPFamily: (internal: Int, external: Int)] {
    core.withLock { core in
      var counts: [IPFamily: (internal: Int, external: Int)] = [:]
      for (key, frontend) in core.model.state.frontends {
        if frontend.inside.isLocal, frontend.inside.targets.isEmpty {
          counts[key.address.family, default: (0, 0)].internal += 1
        }
        if let outside = frontend.outside, outside.targets.isEmpty {
          counts[key.address.family, default: (0, 0)].external += 1
        }
      }
      return counts
    }
  }

  /// Ready-made numbers of what is programmed.
  package var sizes: (services: Int, frontends: Int) {
    core.withLock { ($0.model.state.serviceCount, $0.model.state.frontends.count) }
  }
}
