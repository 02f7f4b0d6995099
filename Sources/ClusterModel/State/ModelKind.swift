package import JSON

/// The kinds of API objects that a cluster's state is made of.
package enum ModelKind: String, Hashable, Sendable, CaseIterable {
  case node = "Node"
  case namespace = "Namespace"
  case pod = "Pod"
  case service = "Service"
  case endpointSlice = "EndpointSlice"
  case networkPolicy = "NetworkPolicy"
  case ingress = "Ingress"
  case ingressClass = "IngressClass"
  /// Only Secrets of type kubernetes.io/tls are kept.
  case secret = "Secret"
  /// Served by clusters from 1.33 on, where ranges of Services come and go (KEP-1880).
  case serviceCIDR = "ServiceCIDR"
}

/// One event of a watch.
package enum ModelEvent: Sendable {
  /// ADDED or MODIFIED: the whole object.
  case upsert(JSON)
  /// DELETED; the namespace is empty for objects of the whole cluster.
  case delete(NamespacedName)
}

/// What an event did to a cluster's state.
package struct StateChanges: Sendable, Equatable {
  /// Keys whose values are really different now.
  package var keys: Set<ChangeKey> = []
  /// Parts, or whole objects, that could not be read.
  package var problems: [ModelError] = []

  package init(keys: Set<ChangeKey> = [], problems: [ModelError] = []) {
    self.keys = keys
    self.problems = problems
  }
}
