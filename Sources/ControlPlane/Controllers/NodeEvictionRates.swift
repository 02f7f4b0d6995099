/// How fast pods are driven from nodes that are not ready, as kube-controller-manager's options of the same names have it.
package struct NodeEvictionRates: Hashable, Sendable {
  /// Nodes a second and zone: one in ten seconds.
  package var rate = 0.1
  /// The same in a zone where many nodes are not ready, if it is large; in a small one nobody is driven away then.
  package var secondaryRate = 0.01
  /// The share of a zone's nodes, and at least three of them, that are many.
  package var unhealthyZoneThreshold = 0.55
  /// A zone is large that has more nodes than this.
  package var largeClusterSize = 50

  package init() {}
}
