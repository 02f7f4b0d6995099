package import Addressing

/// What the proxy of one node must know beside the Services.
package struct ServiceProxyConfiguration: Hashable, Sendable {
  package var nodeName: String
  /// Ranges of this node's own pods: they keep their source address, everyone else is masqueraded.
  package var localPodRanges: [Prefix]
  /// Ranges ClusterIPs come from: what is sent to an address in them that no Service has is dropped.
  package var serviceRanges: [Prefix]
  /// Ranges inside the cluster beside `serviceRanges`: pods of this node reach them with their own address.
  package var clusterRanges: [Prefix]

  package init(
    nodeName: String, localPodRanges: [Prefix] = [], serviceRanges: [Prefix] = [], clusterRanges: [Prefix] = []
  ) {
    self.nodeName = nodeName
    self.localPodRanges = localPodRanges
    self.serviceRanges = serviceRanges
    self.clusterRanges = clusterRanges
  }
}

extension [Prefix] {
  /// The prefixes of a family without those that lie in another one: an interval set takes no overlaps.
  func distinct(_ family: IPFamily) -> [Prefix] {
    let sorted = filter { $0.family == family }.sorted()
    var result: [Prefix] = []
    // Sorted by address and then length: what contains a prefix comes before it.
    for prefix in sorted where result.last?.contains(prefix) != true { result.append(prefix) }
    return result
  }
}
