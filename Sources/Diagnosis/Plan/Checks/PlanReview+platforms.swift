internal import Addressing

extension PlanReview {
  /// The limits of whoever makes the cluster.
  mutating func checkPlatforms() {
    for limit in PlanLimit.limits(of: request.targets) {
      switch limit.constraint {
      case .podsPerNode(let most):
        if let pods = request.demand.podsPerNode, pods > most { reportCount(limit, "\(pods) pods a node", most) }
      case .nodes(let most):
        if let nodes = request.demand.largestNodeCount, nodes > most { reportCount(limit, "\(nodes) nodes", most) }
      case .oneFamily:
        if request.families.count > 1 {
          report(
            limit.severity, .platform, "a cluster of both families", found: "is not what \(limit.target.name) makes",
            meaning: "it is refused", expected: "IPv4 or IPv6", remedy: "choose one family", source: limit.source)
        }
      default:
        for range in request[limit.role] where limit.family == nil || limit.family == range.family {
          guard let problem = limit.problem(of: range.prefix, in: request) else { continue }
          report(
            limit.severity, .platform, range.description, found: problem.found,
            meaning: limit.severity == .error
              ? "\(limit.target.name) refuses it" : "\(limit.target.name) does not take it everywhere",
            expected: problem.expected, remedy: problem.remedy ?? "choose \(problem.expected)", source: limit.source)
        }
      }
    }
  }

  private mutating func reportCount(_ limit: PlanLimit, _ subject: String, _ most: Int) {
    report(
      limit.severity, .platform, subject, found: "are more than \(limit.target.name) allows",
      meaning: "\(limit.target.name) refuses it", expected: "at most \(most)", remedy: "ask for \(most) or fewer",
      source: limit.source)
  }
}
