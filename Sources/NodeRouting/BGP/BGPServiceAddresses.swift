package import Addressing
package import ClusterModel

/// The addresses of Services that one node announces to speakers outside, compiled from the cluster's values.
package struct BGPServiceAddresses: Hashable, Sendable {
  /// `status.loadBalancer` addresses, sorted.
  package var loadBalancers: [IPAddress] = []
  /// `spec.externalIPs`, sorted.
  package var externalIPs: [IPAddress] = []

  package init() {}

  /// The label of nodes that take no load balancer's traffic (Kubernetes' well-known labels).
  package static let exclusionLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

  /// With `externalTrafficPolicy: Local` only a node with a ready endpoint of its own announces a Service's addresses:
  /// traffic that came to another would be dropped there. Without it every node does.
  package init(of services: some Sequence<ServiceWithEndpoints>, node: String, labels: [String: String]) {
    var loadBalancers: Set<IPAddress> = []
    var externalIPs: Set<IPAddress> = []
    for entry in services {
      let service = entry.service
      guard service.kind != .externalName, !service.isHeadless else { continue }
      let outer = service.kind == .loadBalancer ? service.loadBalancerAddresses : []
      if outer.isEmpty && service.externalAddresses.isEmpty { continue }
      let families = Set(IPFamily.allCases.filter { Self.serves(entry, family: $0, node: node) })
      loadBalancers.formUnion(outer.filter { families.contains($0.family) })
      externalIPs.formUnion(service.externalAddresses.filter { families.contains($0.family) })
    }
    if labels[Self.exclusionLabel] == nil { self.loadBalancers = loadBalancers.sorted() }
    self.externalIPs = externalIPs.sorted()
  }

  /// Those of several Services together.
  package init(merging parts: some Collection<BGPServiceAddresses>) {
    loadBalancers = Set(parts.flatMap(\.loadBalancers)).sorted()
    externalIPs = Set(parts.flatMap(\.externalIPs)).sorted()
  }

  package var isEmpty: Bool { loadBalancers.isEmpty && externalIPs.isEmpty }

  private static func serves(_ entry: ServiceWithEndpoints, family: IPFamily, node: String) -> Bool {
    guard entry.service.isExternalTrafficLocal else { return true }
    return entry.slices.contains { slice in
      slice.family == family && slice.endpoints.contains { $0.node == node && $0.isReady && !$0.isTerminating }
    }
  }
}
