internal import Addressing

extension PlanReview {
  /// Every pair: the cluster's ranges with one another, and with what is taken.
  mutating func checkOverlaps() {
    let planned = request.planned
    for (index, range) in planned.enumerated() {
      for other in planned[..<index] where other.prefix.overlaps(range.prefix) { checkPair(other, range) }
      for other in request.taken where other.prefix.overlaps(range.prefix) { checkTaken(other, range) }
    }
  }

  private static func relation(_ first: PlannedRange, _ second: PlannedRange) -> String {
    if first.prefix == second.prefix { return "is the same as \(second.description)" }
    return (first.prefix.contains(second.prefix) ? "contains " : "lies within ") + second.description
  }

  private mutating func checkPair(_ first: PlannedRange, _ second: PlannedRange) {
    let roles = Set([first.role, second.role])
    if roles == [.node, .pod], request.targets == [.eks] {
      report(
        .note, .overlap, first.description, found: Self.relation(first, second),
        meaning: "the VPC CNI plugin gives pods addresses of the nodes' subnets, so both live on it",
        expected: "room for nodes and pods together",
        remedy: "count both, or give pods subnets of their own by custom networking",
        source: "Amazon VPC CNI documentation")
      return
    }
    let meaning =
      switch roles {
      case [.node, .pod]: "routes to pods hide nodes, or the reverse, and neither can be reached"
      case [.node, .service]: "packets to a node are taken for a Service's and rewritten"
      case [.pod, .service]: "one address can be a pod's and a Service's, and packets to the pod are rewritten"
      default: "one address would be given twice"
      }
    report(
      .error, .overlap, first.description, found: Self.relation(first, second), meaning: meaning,
      expected: "ranges without a common address", remedy: choice(insteadOf: second),
      source: "Kubernetes documentation, cluster networking")
  }

  private mutating func checkTaken(_ taken: PlannedRange, _ range: PlannedRange) {
    guard let verdict = Self.verdict(taken, range, targets: request.targets) else { return }
    report(
      verdict.severity, .overlap, taken.description, found: Self.relation(taken, range), meaning: verdict.meaning,
      expected: "ranges without a common address", remedy: verdict.remedy ?? choice(insteadOf: range),
      source: verdict.source)
  }

  private struct Verdict {
    var severity: PlanFinding.Severity
    var meaning: String
    var remedy: String?
    var source = "longest-prefix routing, RFC 1812 section 5.2.4.3"
  }

  /// What an overlap with a network outside of the cluster means; nil for one that is as it should be.
  private static func verdict(_ taken: PlannedRange, _ range: PlannedRange, targets: [PlanTarget]) -> Verdict? {
    let isInside = taken.prefix.contains(range.prefix)
    let unreachable = "pods and nodes cannot reach what has these addresses there: the packets stay in the cluster"
    switch (taken.network, range.role) {
    case (.vpc, .node) where isInside, (.vpc, .pod) where isInside && targets == [.eks]: return nil
    case (.vpc, .node):
      return Verdict(
        severity: .error, meaning: "nodes have addresses of a subnet, and a subnet lies within its VPC",
        remedy: "choose a node range within \(taken.prefix)", source: "the cloud's VPC documentation")
    case (.link, .node), (.route, .node), (.resolver, .node):
      return Verdict(
        severity: .note, meaning: "right if that is the network the nodes are on, a conflict if not",
        remedy: "make sure that nobody else gives out these addresses")
    case (.dockerPool, _):
      return Verdict(
        severity: .warning,
        meaning: "the next network Docker makes on a node or a developer's machine may take these addresses",
        remedy: "set default-address-pools in /etc/docker/daemon.json, or "
          + "choose another \(range.role.rawValue) range",
        source: "moby, libnetwork/ipamutils")
    case (.cni, _):
      return Verdict(
        severity: .warning, meaning: "this machine is in a cluster with these addresses already",
        remedy: "remove that cluster's network first, or choose another \(range.role.rawValue) range")
    case (.resolver, _):
      return Verdict(
        severity: .error, meaning: "this machine's name server would be hidden, and no outside name would be found")
    default: return Verdict(severity: .error, meaning: unreachable)
    }
  }
}
