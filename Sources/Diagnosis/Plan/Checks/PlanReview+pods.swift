internal import Addressing

extension PlanReview {
  /// How many nodes the pod range serves: 2 to the difference of the prefix lengths.
  mutating func checkPodRanges() {
    if request.targets.contains(.eks) { checkSharedPodRanges() }
    for range in request.pods where request.hasNodeParts {
      let mask = request.nodeMask(range.family)
      let bits = mask - range.prefix.length
      guard bits >= 0 else {
        report(
          .error, .mask, range.description, found: "is smaller than the /\(mask) each node gets",
          meaning: "not even one node gets its part", expected: "/\(mask) or shorter",
          remedy: "choose /\(mask) or shorter, or a longer prefix for a node's part",
          source: "kube-controller-manager, --node-cidr-mask-size")
        continue
      }
      let capacity = bits < 32 ? 1 << bits : Int(UInt32.max)
      let room = "has room for \(capacity) node\(bits == 0 ? "" : "s") of /\(mask) each"
      let longer = "choose a shorter prefix length or fewer nodes"
      if let nodes = request.demand.nodes, nodes > capacity {
        report(
          .error, .mask, range.description, found: "\(room), but \(nodes) are asked for",
          meaning: "the others never become ready, and a node's part cannot be changed later",
          expected: "/\(mask - ceilingOfLog2(nodes)) or shorter", remedy: longer, source: "kubernetes/kubernetes#70957")
      } else if let most = request.demand.maximumNodes, most > capacity {
        report(
          .error, .mask, range.description, found: "\(room), but there may be \(most)",
          meaning: "the cluster stops growing there, and a node's part cannot be changed later",
          expected: "/\(mask - ceilingOfLog2(most)) or shorter", remedy: longer, source: "kubernetes/kubernetes#70957")
      } else if let most = request.demand.largestNodeCount, most == capacity {
        report(
          .warning, .surge, range.description, found: "\(room), all of which are planned for",
          meaning: "a rolling upgrade that adds a node before it removes one has no part left for it",
          expected: "room for \(most + 1) nodes", remedy: longer, source: "rolling node upgrades, maxSurge 1")
      }
    }
    if let most = request.demand.largestNodeCount, request.demand.podsPerNode != nil {
      let pods = most * request.demand.podsPerNode!
      if most > 5000 || pods > 150_000 {
        report(
          .warning, .scale, "\(most) nodes with \(request.demand.podsPerNode!) pods each",
          found: "are more than one cluster is tested for",
          meaning: "the API server and not the addresses are the limit",
          expected: "at most 5000 nodes and 150000 pods", remedy: "plan several clusters",
          source: "Kubernetes documentation, considerations for large clusters")
      }
    }
  }

  /// Whether subnets that all nodes' pods share have an address for each, also during a rollout.
  private mutating func checkSharedPodRanges() {
    guard let nodes = request.demand.largestNodeCount, let pods = request.demand.podsPerNode else { return }
    for range in request.pods where range.family == .v4 {
      // Where nodes live on it too, they take one each.
      let perNode = request.nodes.contains { $0.prefix.overlaps(range.prefix) } ? 1 : 0
      let usable = Int(range.prefix.count) - PlanTarget.eks.reservedNodeAddresses
      let needed = nodes * (pods + perNode)
      let peak = nodes * (request.demand.podsWithSurge! + perNode)
      guard peak > usable else { continue }
      report(
        needed > usable ? .error : .warning, needed > usable ? .capacity : .surge, range.description,
        found:
          "has \(usable) addresses for \(nodes) nodes with \(pods) pods each, who need \(needed), and \(peak) in a "
          + "rollout", meaning: "the last pods wait for an address of the subnet",
        expected: "/\(32 - ceilingOfLog2(peak + 5)) or shorter",
        remedy: "choose a shorter prefix length, fewer pods a node or fewer nodes",
        source: "Amazon VPC CNI: pods have addresses of VPC subnets; AWS keeps 5 of each")
    }
  }

  /// Whether a node's part serves its pods, also while a rollout has both old and new ones.
  mutating func checkNodeCapacity() {
    for range in request.pods where request.hasNodeParts {
      let mask = request.nodeMask(range.family)
      let host = range.family.bits - mask
      guard mask >= range.prefix.length else { continue }
      let subject = "a node's part of \(range.description), a /\(mask),"
      guard host >= 2 else {
        report(
          .error, .capacity, subject, found: "is smaller than /\(range.family.bits - 2)",
          meaning: "network, gateway and broadcast address leave nothing for pods",
          expected: "/\(range.family.bits - 2) or shorter", remedy: "choose a shorter prefix for a node's part",
          source: "CNI plugin host-local")
        continue
      }
      guard let pods = request.demand.podsPerNode, host < 32 else { continue }
      let usable = Self.usableAddresses(host: host, range.family)
      let peak = request.demand.podsWithSurge!
      let wanted = range.family.bits - ceilingOfLog2(max(2 * pods, peak + 3))
      if pods > usable {
        report(
          .error, .capacity, subject, found: "has \(usable) addresses for pods, but \(pods) are asked for",
          meaning: "the last pods stay in ContainerCreating for want of an address", expected: "/\(wanted) or shorter",
          remedy: "choose /\(wanted) for a node's part, or set kubelet's maxPods to \(usable)",
          source: "CNI plugin host-local: network, gateway and broadcast address are not given out")
      } else if peak > usable {
        report(
          .warning, .surge, subject,
          found:
            "has \(usable) addresses for pods, but a rollout of \(pods) with maxSurge \(request.demand.surge)% needs "
            + "\(peak)",
          meaning: "new pods wait for the addresses of old ones, and the rollout crawls",
          expected: "/\(wanted) or shorter",
          remedy: "choose /\(wanted) for a node's part, or allow fewer pods a node",
          source: "Deployment, spec.strategy.rollingUpdate.maxSurge")
      } else if 2 * pods > 1 << host {
        report(
          .warning, .reuse, subject, found: "has \(1 << host) addresses, less than twice the \(pods) pods",
          meaning: "addresses are reused soon after they were freed, while others still hold connections to them",
          expected: "/\(wanted) or shorter", remedy: "choose /\(wanted) for a node's part, or allow fewer pods a node",
          source: "GKE documentation, maximum pods per node")
      }
    }
    if let pods = request.demand.podsPerNode, pods > 110 {
      report(
        .note, .capacity, "\(pods) pods a node", found: "are more than kubelet allows by default",
        meaning: "kubelet stops at 110", expected: "maxPods: \(pods)",
        remedy: "set maxPods in KubeletConfiguration; the emitted configuration does",
        source: "KubeletConfiguration v1beta1, maxPods")
    }
  }

  /// Addresses a node can give to pods: without network, gateway and, for IPv4, broadcast address. `host` is below 63.
  static func usableAddresses(host: Int, _ family: IPFamily) -> Int { (1 << host) - (family == .v4 ? 3 : 2) }
}
