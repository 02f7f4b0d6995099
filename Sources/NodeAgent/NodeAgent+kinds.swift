package import ClusterModel
package import Kubernetes

extension NodeAgent {
  /// What an agent with these planes must know of the cluster, and therefore may list and watch. Nothing else is kept.
  package static func kinds(planes: Set<String>, usesBGP: Bool) -> Set<ModelKind> {
    // Who the node itself is, for the status.
    var kinds: Set<ModelKind> = [.node]
    for plane in planes {
      switch plane {
      // Services are announced by BGP alone.
      case "routing": kinds.formUnion(usesBGP ? [.node, .service, .endpointSlice] : [.node])
      case "services": kinds.formUnion([.node, .service, .endpointSlice, .serviceCIDR])
      case "announcing": kinds.formUnion([.node, .service, .endpointSlice])
      case "policy": kinds.formUnion([.node, .namespace, .pod, .networkPolicy])
      case "dns": kinds.formUnion([.namespace, .pod, .service, .endpointSlice])
      case "gateway": kinds.formUnion([.node, .service, .endpointSlice, .ingress, .ingressClass, .secret])
      default: break
      }
    }
    return kinds
  }
}

extension ModelKind {
  /// What it is in the API.
  package var resource: ResourceType {
    switch self {
    case .node: .nodes
    case .namespace: .namespaces
    case .pod: .pods
    case .service: .services
    case .endpointSlice: .endpointSlices
    case .networkPolicy: .networkPolicies
    case .ingress: .ingresses
    case .ingressClass: .ingressClasses
    case .secret: .secrets
    case .serviceCIDR: .serviceCIDRs
    }
  }

  /// Clusters that do not serve it (404), or roles of an earlier version that do not allow it (403), keep no agent waiting.
  package var isOptional: Bool { self == .serviceCIDR }
}
