package import Addressing

/// What the proxy of one node must know beside the Services.
package struct ServiceProxyConfiguration: Hashable, Sendable {
  package var nodeName: String
  /// The node's zone, for topology hints.
  package var zone: String?
  /// This node's own addresses (InternalIP).
  package var nodeAddresses: [IPAddress]
  /// Ranges within which the node's own addresses serve NodePorts; nil for `nodeAddresses` alone ("primary").
  package var nodePortRanges: [Prefix]?
  /// Ranges of this node's own pods: they keep their source address, everyone else is masqueraded.
  package var localPodRanges: [Prefix]
  /// Ranges ClusterIPs come from: what is sent to an address in them that no Service has is dropped.
  package var serviceRanges: [Prefix]
  /// Ranges inside the cluster beside `serviceRanges`: pods of this node reach them with their own address.
  package var clusterRanges: [Prefix]
  /// Connections of pods to the world outside get the node's address (table swiftlet-masquerade); off where a CNI plugin
  /// of others sees to that.
  package var masqueradesPods = true

  package init(
    nodeName: String, zone: String? = nil, nodeAddresses: [IPAddress] = [], nodePortRanges: [Prefix]? = nil,
    localPodRanges: [Prefix] = [], serviceRanges: [Prefix] = [], clusterRanges: [Prefix] = []
  ) {
    self.nodeName = nodeName
    self.zone = zone
    self.nodeAddresses = nodeAddresses
    self.nodePortRanges = nodePortRanges
    self.localPodRanges = localPodRanges
    self.serviceRanges = serviceRanges
    self.clusterRanges = clusterRanges
  }

  package var compiler: ServiceCompiler {
    ServiceCompiler(nodeName: nodeName, zone: zone, nodeAddresses: nodeAddresses)
  }
  var servingRanges: [Prefix] { nodePortRanges ?? nodeAddresses.map { Prefix(host: $0) } }
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
