/// What changed in a cluster's state: the unit in which planes compile and queues coalesce.
package enum ChangeKey: Hashable, Sendable {
  case node(String)
  case namespace(String)
  case pod(NamespacedName)
  /// The Service itself or any of its EndpointSlices.
  case service(NamespacedName)
  case policy(NamespacedName)
  case ingress(NamespacedName)
  case ingressClass(String)
  case certificate(NamespacedName)
  case serviceCIDR(String)
}
