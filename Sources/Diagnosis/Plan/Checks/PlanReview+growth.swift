internal import Addressing

extension PlanReview {
  /// How often the cluster can double: within its ranges, and the ranges in place.
  mutating func checkGrowth() {
    guard let nodes = request.demand.nodes, nodes > 0 else { return }
    for range in request.pods where request.hasNodeParts {
      let bits = min(request.nodeMask(range.family) - range.prefix.length, 30)
      guard bits >= 0, 1 << bits >= nodes else { continue }
      report(
        growthSeverity(range, within: floorOfLog2((1 << bits) / nodes)), .growth, range.description,
        within: floorOfLog2((1 << bits) / nodes), "\(nodes) node\(nodes == 1 ? "" : "s")",
        "the pod range of a running cluster stays as it is", source: "kube-controller-manager, --cluster-cidr")
    }
    if let services = request.demand.services {
      for range in request.services {
        let host = min(range.family.bits - range.prefix.length, 62)
        let usable = (1 << host) - 2
        guard usable >= services + 2 else { continue }
        report(
          .note, .growth, range.description, within: floorOfLog2(usable / (services + 2)), "\(services) Services",
          "a running cluster gets more addresses by ServiceCIDR objects since 1.33, the range itself stays as it is",
          source: "KEP-1880")
      }
    }
  }

  private func growthSeverity(_ range: PlannedRange, within: Int) -> PlanFinding.Severity {
    // A maximum that was named is what growth was asked for.
    within == 0 && request.demand.maximumNodes == nil && doublings(of: range).count == 0 ? .warning : .note
  }

  private mutating func report(
    _ severity: PlanFinding.Severity, _ rule: PlanFinding.Rule, _ range: String, within: Int, _ demand: String,
    _ hint: String, source: String
  ) {
    let planned = request.planned.first { $0.description == range }!
    let place = doublings(of: planned)
    func times(_ count: Int) -> String { count == 1 ? "once" : count == 2 ? "twice" : "\(count) times" }
    let found = within == 0 ? "has no room for twice the \(demand)" : "lets \(demand) double \(times(within))"
    let inPlace =
      place.count == 0
      ? "it cannot be doubled in place: \(place.obstacle)"
      : "it can be doubled in place \(times(place.count)), until \(place.obstacle)"
    report(
      severity, rule, range, found: "\(found), and \(inPlace)", meaning: hint, expected: "room for twice the demand",
      remedy: within == 0 ? "choose a shorter prefix length" : "keep the neighbourhood free",
      source: source)
  }

  /// How many bits the prefix can lose before it meets something, and what that is.
  func doublings(of range: PlannedRange) -> (count: Int, obstacle: String) {
    let others =
      request.planned.filter { $0 != range } + request.taken.filter { $0.network != .vpc || range.role != .node }
    let limits = PlanLimit.limits(of: request.targets).filter {
      $0.role == range.role && $0.severity == .error && ($0.family ?? range.family) == range.family
    }
    var prefix = range.prefix
    var count = 0
    while prefix.length > 0 {
      let parent = Prefix(prefix.address, length: prefix.length - 1)
      if let other = others.first(where: { $0.prefix.overlaps(parent) && !$0.prefix.overlaps(range.prefix) }) {
        return (count, "it meets \(other.kind) \(other.prefix)")
      }
      if AddressSpace.privateBlock(of: prefix) != nil, AddressSpace.privateBlock(of: parent) == nil {
        return (count, "private space ends")
      }
      if let special = AddressSpace.special.first(where: {
        $0.prefix.overlaps(parent) && !$0.prefix.overlaps(range.prefix)
      }) {
        return (count, "it meets \(special.prefix)")
      }
      if let limit = limits.first(where: {
        $0.problem(of: parent, in: request) != nil && $0.problem(of: prefix, in: request) == nil
      }) {
        return (count, "it meets the limit of \(limit.target.name)")
      }
      prefix = parent
      count += 1
    }
    return (count, "the address space ends")
  }
}
