internal import Addressing

/// All checks of a plan, and what they found: errors first, in a fixed order.
package struct PlanReview: Hashable, Sendable {
  package let request: PlanRequest
  package private(set) var findings: [PlanFinding] = []

  package init(_ request: PlanRequest) {
    self.request = request
    checkAlignment()
    checkFamilies()
    checkOverlaps()
    checkSpace()
    checkPodRanges()
    checkNodeCapacity()
    checkServiceRanges()
    checkNodeRanges()
    checkPlatforms()
    checkGrowth()
    // Stable: within a severity the order of the checks.
    findings = PlanFinding.Severity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
  }

  /// Nothing stands in the way of a cluster with these ranges.
  package var isSound: Bool { errors.isEmpty }
  package var errors: [PlanFinding] { findings(.error) }
  package var warnings: [PlanFinding] { findings(.warning) }
  package var notes: [PlanFinding] { findings(.note) }

  private func findings(_ severity: PlanFinding.Severity) -> [PlanFinding] {
    findings.filter { $0.severity == severity }
  }

  mutating func report(
    _ severity: PlanFinding.Severity, _ rule: PlanFinding.Rule, _ subject: String, found: String, meaning: String,
    expected: String, remedy: String, source: String
  ) {
    findings.append(
      PlanFinding(
        severity, rule, subject, found: found, meaning: meaning, expected: expected, remedy: remedy, source: source))
  }

  /// `choose another pod range, 10.244.0.0/16 is free`: a way out of a conflict, with an example where there is one.
  func choice(insteadOf range: PlannedRange) -> String {
    var others = request
    others[range.role].removeAll { $0 == range }
    let finder = RangeFinder(others)
    let free = finder.find(range.role, range.family, lengths: [range.prefix.length])
    return "choose another \(range.role.rawValue) range" + (free.map { ", \($0.prefix) is free" } ?? "")
  }

  private mutating func checkAlignment() {
    for range in request.planned + request.taken where range.written != range.prefix.address {
      report(
        range.role == .reserved ? .warning : .error, .alignment, "\(range.role.rawValue) range from \(range.source)",
        found: "is written \(range.written)/\(range.prefix.length), with bits set beyond the prefix length",
        meaning: "programs disagree whether that is a range or an address, and newer ones refuse it",
        expected: "\(range.prefix)", remedy: "write \(range.prefix)", source: "KEP-4858, RFC 4632 section 3.1")
    }
  }

  private mutating func checkFamilies() {
    let families = request.families
    for role in [PlannedRange.Role.node, .pod, .service] {
      let ranges = request[role]
      for (index, range) in ranges.enumerated() where role != .node {
        guard let earlier = ranges[..<index].first(where: { $0.family == range.family }) else { continue }
        report(
          .error, .family, range.description,
          found: "is the second \(range.family.name) range beside \(earlier.prefix)",
          meaning: "a cluster has one \(role.rawValue) range a family", expected: "one range a family",
          remedy: role == .service
            ? "name one, and add the other as a ServiceCIDR when the cluster runs" : "name one, large enough",
          source: "kubeadm ClusterConfiguration, networking")
      }
      if ranges.isEmpty { continue }
      for family in families where !ranges.contains(where: { $0.family == family }) {
        report(
          request.targets == [.kubernetes] ? .warning : .error, .family,
          "the \(role.rawValue) ranges \(Self.list(ranges))", found: "have no \(family.name)",
          meaning:
            "a cluster of \(families.map(\.name).joined(separator: " and ")) needs both for nodes, pods and Services",
          expected: "an \(family.name) range too",
          remedy: "add an \(family.name) \(role.rawValue) range or leave \(family.name) out everywhere",
          source: "Kubernetes documentation, IPv4/IPv6 dual-stack")
      }
      for range in ranges where !families.contains(range.family) {
        report(
          .error, .family, range.description, found: "is \(range.family.name)",
          meaning: "the cluster is to be \(families.map(\.name).joined(separator: " and ")) only",
          expected: families.map(\.name).joined(separator: " or "), remedy: "leave it out or add the family",
          source: "Kubernetes documentation, IPv4/IPv6 dual-stack")
      }
    }
    if let pod = request.pods.first, let service = request.services.first, pod.family != service.family,
      request.pods.count == request.services.count
    {
      report(
        .warning, .family, "the \(service.family.name) range \(service.prefix)",
        found: "comes first for Services, and \(pod.family.name) for pods",
        meaning: "single-stack Services become \(service.family.name) while pods call \(pod.family.name) their own",
        expected: "the same order", remedy: "name the primary family first in both",
        source: "KEP-563, the first range is the primary one")
    }
  }

  static func list(_ ranges: [PlannedRange]) -> String {
    ranges.map { "\($0.prefix)" }.joined(separator: " and ")
  }
}
