package import Addressing

/// What the controllers need to know of the cluster.
package struct ControllerOptions: Sendable {
  /// A range from which every node gets a part.
  package struct PodRange: Sendable {
    package var clusterRange: Prefix
    /// Prefix length of a node's part: 24, or 64 for IPv6.
    package var nodeLength: Int

    package init(_ clusterRange: Prefix, nodeLength: Int? = nil) {
      self.clusterRange = clusterRange
      self.nodeLength = nodeLength ?? (clusterRange.family == .v4 ? 24 : 64)
    }
  }

  /// One a family; empty switches node ranges off.
  package var podRanges: [PodRange] = []
  /// The prefixes of the ServiceCIDR `kubernetes`, where the API server is the embedded one. Empty leaves ServiceCIDRs and
  /// IPAddresses alone: a real cluster has controllers of its own for them.
  package var serviceRanges: [Prefix] = []
  /// Where node ports may lie; used with `serviceRanges`.
  package var nodePorts: ClosedRange<Int> = 30000...32767
  /// Whether Services of type LoadBalancer get addresses of LoadBalancerPools. The API server must know the kind: a real
  /// one by the CustomResourceDefinition in `deploy/`.
  package var givesLoadBalancerAddresses = true
  /// Whether Services without `spec.loadBalancerClass` get some too: not where a cloud's controller serves them.
  package var servesDefaultLoadBalancerClass = true
  /// Ranges no node may get, such as the Service range.
  package var occupiedRanges: [Prefix] = []
  /// PEM of the cluster's certificate authority for the ConfigMaps `kube-root-ca.crt`; nil: none are made.
  package var rootCertificate: String?
  /// Seconds without a sign of life after which a node's conditions become Unknown.
  package var nodeGracePeriod = 40.0
  /// How fast nodes that are not ready are emptied.
  package var evictionRates = NodeEvictionRates()
  /// Whether the scheduler places pods of `default-scheduler`.
  package var runsScheduler = true
  /// One line about something that went wrong and is tried again.
  package var log: @Sendable (String) -> Void = { _ in }

  package init() {}
}
