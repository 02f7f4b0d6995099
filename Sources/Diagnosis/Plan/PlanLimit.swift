package import Addressing

/// A limit that Kubernetes, an installer or a cloud sets to a range. All of them are in `table`.
package struct PlanLimit: Hashable, Sendable {
  package enum Constraint: Hashable, Sendable {
    /// The prefix length lies within these bounds.
    case length(ClosedRange<Int>)
    /// The range has at least or at most so many bits for hosts.
    case hostBits(ClosedRange<Int>)
    /// Prefix length of a node's part minus that of the pod range.
    case maskDifference(Int)
    /// Every node's part has this prefix length.
    case nodeMask(Int)
    /// Every node's part has at least twice the addresses of its pods, and no more than the next power of two.
    case nodeMaskOfPods
    /// The range lies in one of these.
    case within([Prefix])
    /// The range has no address of these.
    case outside([Prefix])
    /// At most so many pods a node, and so many nodes.
    case podsPerNode(Int)
    case nodes(Int)
    /// The cluster has one family.
    case oneFamily
    /// The platform gives the range itself.
    case isAssigned(String)
  }

  package let target: PlanTarget
  package let role: PlannedRange.Role
  /// nil is both.
  package let family: IPFamily?
  package let constraint: Constraint
  package let severity: PlanFinding.Severity
  package let source: String

  init(
    _ target: PlanTarget, _ role: PlannedRange.Role, _ family: IPFamily?, _ constraint: Constraint,
    _ source: String, _ severity: PlanFinding.Severity = .error
  ) {
    self.target = target
    self.role = role
    self.family = family
    self.constraint = constraint
    self.severity = severity
    self.source = source
  }

  /// The limits of the targets, those of Kubernetes itself included where the owner of the cluster sets its flags.
  package static func limits(of targets: [PlanTarget]) -> [PlanLimit] {
    var wanted = Set(targets)
    if wanted.contains(.kubeadm) { wanted.insert(.kubernetes) }
    return table.filter { limit in
      // kubeadm's refusal says more than the warning about old releases.
      if limit.target == .kubernetes, limit.severity == .warning, wanted.contains(.kubeadm) { return false }
      return wanted.contains(limit.target)
    }
  }

  private static let eksNetworks = "EKS API, KubernetesNetworkConfigRequest"
  private static let awsSubnets = "Amazon VPC user guide, subnet sizing"
  private static let gkeRanges = "GKE documentation, VPC-native clusters, IP address range planning"
  private static let aksNetworks = "AKS documentation, networking prerequisites"
  private static let aksForbidden = ["169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"].map {
    Prefix($0)!
  }

  package static let table: [PlanLimit] = [
    .init(.kubernetes, .service, nil, .hostBits(4...128), "kube-apiserver: .1 is the API, cluster DNS usually .10"),
    .init(.kubernetes, .service, .v6, .length(64...128), "kube-apiserver 1.36, ServiceCIDR of at most 64 host bits"),
    .init(.kubernetes, .service, nil, .hostBits(0...20), "kube-apiserver before 1.34", .warning),
    .init(.kubernetes, .pod, .v6, .maskDifference(16), "kube-controller-manager, node IPAM"),
    .init(.kubernetes, .pod, .v4, .maskDifference(16), "kubeadm, PodSubnetNodeMaskMaxDiff", .warning),

    .init(.kubeadm, .service, nil, .hostBits(0...20), "kubeadm 1.36, MaximumBitsForServiceSubnet"),
    .init(.kubeadm, .pod, .v4, .maskDifference(16), "kubeadm, PodSubnetNodeMaskMaxDiff"),
    .init(.kubeadm, .pod, nil, .hostBits(4...128), "kubeadm, MinimumAddressesInPodSubnet"),

    .init(.eks, .service, .v4, .length(12...24), eksNetworks),
    .init(.eks, .service, .v4, .within(AddressSpace.private4), eksNetworks),
    .init(.eks, .service, .v6, .isAssigned("a /108 of fc00::/7"), eksNetworks, .warning),
    .init(.eks, .node, .v4, .length(16...28), awsSubnets),
    .init(.eks, .pod, .v4, .length(16...28), awsSubnets),
    .init(.eks, .pod, nil, .oneFamily, "EKS user guide: a cluster is IPv4 or IPv6"),
    .init(.eks, .pod, nil, .podsPerNode(250), "EKS user guide, managed node groups", .warning),

    .init(.gke, .pod, .v4, .length(9...21), gkeRanges),
    .init(.gke, .service, .v4, .length(16...27), gkeRanges),
    .init(.gke, .node, .v4, .length(8...29), gkeRanges),
    .init(.gke, .pod, .v4, .nodeMaskOfPods, "GKE documentation, maximum pods per node"),
    .init(.gke, .pod, nil, .podsPerNode(256), "GKE documentation, maximum pods per node"),
    .init(.gke, .node, nil, .nodes(15000), "GKE quotas and limits"),
    .init(.gke, .service, .v6, .isAssigned("the Service range"), gkeRanges, .warning),
    .init(.gke, .pod, .v6, .isAssigned("a /64 for the subnet and its pods"), gkeRanges, .warning),

    .init(.aks, .node, .v4, .outside(aksForbidden), aksNetworks),
    .init(.aks, .pod, .v4, .outside(aksForbidden), aksNetworks),
    .init(.aks, .service, .v4, .outside(aksForbidden), aksNetworks),
    .init(.aks, .service, .v4, .length(13...28), aksNetworks),
    .init(.aks, .service, .v6, .length(108...124), "AKS documentation, dual-stack networking"),
    .init(.aks, .pod, .v4, .nodeMask(24), "AKS documentation, CNI overlay"),
    .init(.aks, .pod, nil, .podsPerNode(250), "AKS documentation, CNI overlay"),
    .init(.aks, .node, nil, .nodes(5000), "AKS quotas and limits"),
  ]
}
