/// What is announced to a speaker outside of the cluster.
package enum BGPAdvertisement: String, Hashable, Sendable, CaseIterable {
  /// This node's pod ranges, each as one prefix.
  case pods
  /// The pod ranges of the other nodes too, as learned from them: for peers that only some nodes have a session with.
  case allPods
  /// The cluster's Service ranges, each as one prefix.
  case clusterRange
  /// Addresses in `status.loadBalancer` of Services, one prefix each.
  case loadBalancers
  /// `spec.externalIPs` of Services, one prefix each.
  case externalIPs
}
