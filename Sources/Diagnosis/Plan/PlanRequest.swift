package import Addressing

/// A plan as somebody wants it: ranges, what they must serve, and what they must stay clear of.
package struct PlanRequest: Hashable, Sendable {
  package var nodes: [PlannedRange] = []
  package var pods: [PlannedRange] = []
  package var services: [PlannedRange] = []
  /// Ranges that exist already.
  package var taken: [PlannedRange] = []
  /// The families of the cluster, the primary one first; nil leaves it to the ranges, and without ranges to IPv4.
  package var wantedFamilies: [IPFamily]?
  /// Prefix length of a node's part of the pod range, where it is not the usual one.
  package var nodeMasks: [IPFamily: Int] = [:]
  package var demand = PlanDemand()
  package var targets: [PlanTarget] = [.kubeadm]

  package init() {}

  package var families: [IPFamily] {
    if let wantedFamilies { return wantedFamilies }
    var found: [IPFamily] = []
    for range in pods + services + nodes where !found.contains(range.family) { found.append(range.family) }
    return found.isEmpty ? [.v4] : found
  }

  /// The ranges of a role in the order they were given.
  package subscript(role: PlannedRange.Role) -> [PlannedRange] {
    get {
      switch role {
      case .node: nodes
      case .pod: pods
      case .service: services
      case .reserved: taken
      }
    }
    set {
      switch role {
      case .node: nodes = newValue
      case .pod: pods = newValue
      case .service: services = newValue
      case .reserved: taken = newValue
      }
    }
  }

  /// Whether every node gets a part of the pod range of its own. On EKS pods take single addresses of the subnets.
  package var hasNodeParts: Bool { targets != [.eks] }

  /// Nodes, pods and Services, without what is taken.
  package var planned: [PlannedRange] { nodes + pods + services }

  /// The defaults of kube-controller-manager's `--node-cidr-mask-size-ipv4` and `-ipv6`.
  package static func usualNodeMask(_ family: IPFamily) -> Int { family == .v4 ? 24 : 64 }

  /// The prefix length of a node's part: as asked for; GKE derives it from the pods; otherwise the usual one, or a
  /// shorter one if the pods asked for need it.
  package func nodeMask(_ family: IPFamily) -> Int {
    if let mask = nodeMasks[family] { return mask }
    let usual = Self.usualNodeMask(family)
    // AKS gives every node a /24, however many its pods.
    guard family == .v4, !targets.contains(.aks), let pods = demand.podsPerNode else { return usual }
    // GKE counts twice the pods, and no rollout.
    if targets.contains(.gke) { return min(32 - ceilingOfLog2(2 * pods), 28) }
    return min(usual, 32 - ceilingOfLog2(max(2 * pods, demand.podsWithSurge! + 3)))
  }
}

/// What the ranges must serve; nil where nobody said.
package struct PlanDemand: Hashable, Sendable {
  /// Nodes at the start.
  package var nodes: Int?
  /// Nodes the cluster may ever have.
  package var maximumNodes: Int?
  /// kubelet's `maxPods`.
  package var podsPerNode: Int?
  package var services: Int?
  /// How many pods in a hundred a rollout adds before the old ones are gone: the `maxSurge` of Deployments, 25 by default.
  package var surge = 25
  /// Addresses the node range must have, where more than nodes and the usual reserve are needed.
  package var nodeAddresses: Int?

  package init() {}

  package var largestNodeCount: Int? { maximumNodes ?? nodes }

  /// Pods a node has at the height of a rollout.
  package var podsWithSurge: Int? { podsPerNode.map { $0 + ($0 * surge + 99) / 100 } }
}

/// The smallest power of two that is not less; 0 for 1 and less.
func ceilingOfLog2(_ number: Int) -> Int { number <= 1 ? 0 : Int.bitWidth - (number - 1).leadingZeroBitCount }

/// The largest power of two that is not more; 0 for 1 and less.
func floorOfLog2(_ number: Int) -> Int { number <= 1 ? 0 : Int.bitWidth - 1 - number.leadingZeroBitCount }
