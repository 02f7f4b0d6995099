/// A part of a cluster's network that Swiftlet can take over by itself, leaving the others to somebody else.
package enum DeployComponent: String, Hashable, Sendable, CaseIterable {
  /// Instead of flannel, Calico and the like: routes between nodes, the CNI plugin, leases.
  case podNetwork = "pod-network"
  /// Instead of kube-proxy.
  case services
  /// Announces addresses of LoadBalancerPools on the nodes' network; the controller `load-balancers` gives them out.
  case loadBalancers = "load-balancers"
  case policy
  /// Instead of CoreDNS and NodeLocal DNSCache.
  case dns
  /// HAProxy on the nodes labelled for it.
  case ingress
  /// What a cluster's own controllers do not do.
  case controllers

  /// The agent's planes that do it, on every node.
  package var planes: Set<String> {
    switch self {
    case .podNetwork: ["routing", "wiring", "leases"]
    case .services: ["services"]
    case .loadBalancers: ["announcing"]
    case .policy: ["policy"]
    case .dns: ["dns"]
    case .ingress, .controllers: []
    }
  }
}
