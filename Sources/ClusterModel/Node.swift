package import Addressing

/// A node, as routing and endpoints see it.
package struct Node: Hashable, Sendable {
  package var name: String
  package var labels: [String: String] = [:]
  package var annotations: [String: String] = [:]
  /// `status.addresses` of type InternalIP, in their order.
  package var addresses: [IPAddress] = []
  /// `spec.podCIDRs`; empty until the control plane has given some.
  package var podRanges: [Prefix] = []
  /// Condition Ready is True.
  package var isReady = false
  /// It is being deleted, or the cluster autoscaler is about to (taint `ToBeDeletedByClusterAutoscaler`): load balancers
  /// should send it no new connections (KEP-3836).
  package var isLeaving = false
  /// Condition NetworkUnavailable; nil while nobody has set it.
  package var networkUnavailable: NodeCondition?

  package init(name: String) { self.name = name }

  /// Label `topology.kubernetes.io/zone`.
  package var zone: String? { labels["topology.kubernetes.io/zone"] }
}

/// A condition of a node, without its times, which change with every heartbeat.
package struct NodeCondition: Hashable, Sendable {
  /// `True`, `False` or `Unknown`.
  package var status: String
  package var reason: String

  package init(status: String, reason: String) {
    self.status = status
    self.reason = reason
  }
}

/// A namespace, as policy selectors see it.
package struct Namespace: Hashable, Sendable {
  package var name: String
  package var labels: [String: String] = [:]

  package init(name: String) { self.name = name }
}
