package import Addressing

extension PlanLimit {
  /// How a prefix breaks a limit of a range; nil if it keeps it, or if the limit is none of ranges.
  package func problem(of prefix: Prefix, in request: PlanRequest) -> (
    found: String, expected: String, remedy: String?
  )? {
    let bits = prefix.family.bits
    let host = bits - prefix.length
    let mask = request.nodeMask(prefix.family)
    switch constraint {
    case .length(let bounds):
      if bounds.contains(prefix.length) { return nil }
      return (
        "is a /\(prefix.length)", "a prefix length from /\(bounds.lowerBound) to /\(bounds.upperBound)",
        prefix.length < bounds.lowerBound
          ? "choose /\(bounds.lowerBound) or longer" : "choose /\(bounds.upperBound) or shorter"
      )
    case .hostBits(let bounds):
      if host < bounds.lowerBound {
        let count = "has \(prefix.count) address\(host == 0 ? "" : "es")"
        return (
          role == .service ? "\(count); the API takes .1 and cluster DNS .10" : count,
          "/\(bits - bounds.lowerBound) or shorter", nil
        )
      }
      if host > bounds.upperBound {
        return (
          "is larger than the \(bounds.upperBound) bits \(target.name) accepts",
          "/\(bits - bounds.upperBound) or longer", nil
        )
      }
      return nil
    case .maskDifference(let most):
      if mask - prefix.length <= most { return nil }
      return (
        "has more than \(1 << most) parts of /\(mask): the lengths differ by \(mask - prefix.length) bits",
        "/\(mask - most) or longer", nil
      )
    case .nodeMask(let only):
      return mask == only
        ? nil : ("gives a node a /\(mask)", "/\(only) for every node", "leave a node's part at /\(only)")
    case .nodeMaskOfPods:
      guard let pods = request.demand.podsPerNode else { return nil }
      let given = min(32 - ceilingOfLog2(2 * pods), 28)
      return mask == given
        ? nil
        : (
          "gives a node a /\(mask)", "/\(given) for \(pods) pods a node",
          "plan with /\(given): \(target.name) derives it from the maximum of pods and keeps it for good"
        )
    case .within(let blocks):
      if blocks.contains(where: { $0.contains(prefix) }) { return nil }
      let list = blocks.map(\.description).joined(separator: ", ")
      return ("lies outside of \(list)", "a range within \(list)", nil)
    case .outside(let blocks):
      guard let block = blocks.first(where: { $0.overlaps(prefix) }) else { return nil }
      return ("overlaps \(block)", "a range outside of \(blocks.map(\.description).joined(separator: ", "))", nil)
    case .isAssigned(let what):
      return (
        "was chosen by hand", "\(target.name) to give \(what)", "leave it out; \(target.name) gives \(what)"
      )
    case .podsPerNode, .nodes, .oneFamily: return nil
    }
  }
}
