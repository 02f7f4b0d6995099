internal import Addressing

/// A request whose missing ranges were filled in, and why with these.
package struct RangeProposal: Hashable, Sendable {
  /// The request, complete unless there is no room.
  package private(set) var request: PlanRequest
  /// What was chosen, and the reasons, in sentences for people.
  package private(set) var choices: [Choice] = []
  /// What there is no room for.
  package private(set) var failures: [PlanFinding] = []

  package struct Choice: Hashable, Sendable {
    package let range: PlannedRange
    package let reasons: [String]
  }

  /// Where a proposed range says it comes from.
  package static let source = "the proposal"

  package init(_ request: PlanRequest) {
    // Where space is scarce the first range takes what the others need: each attempt asks for half of the one before.
    let attempts = (0...8).lazy.map { RangeProposal(request, thrift: $0) }
    let best =
      attempts.first { $0.failures.isEmpty && !$0.leavesPrivateSpace } ?? attempts.first { $0.failures.isEmpty }
    self = best ?? RangeProposal(request, thrift: 0)
  }

  /// `thrift`: how many of the best lengths to pass over, as long as others are left.
  private init(_ request: PlanRequest, thrift: Int) {
    self.request = request
    self.request.wantedFamilies = request.families
    // The largest first, so that the small ones do not split the space it needs.
    for family in request.families {
      for role in [PlannedRange.Role.pod, .service, .node] {
        if self.request[role].contains(where: { $0.family == family }) { continue }
        propose(role, family, thrift)
      }
    }
    for role in [PlannedRange.Role.node, .pod, .service] { sort(role) }
  }

  private var leavesPrivateSpace: Bool { choices.contains { AddressSpace.shared.overlaps($0.range.prefix) } }

  private mutating func propose(_ role: PlannedRange.Role, _ family: IPFamily, _ thrift: Int) {
    let (lengths, size) = lengths(role, family)
    let thrifty = Array(lengths.suffix(max(1, lengths.count - thrift)))
    guard let found = RangeFinder(request).find(role, family, lengths: thrifty) else {
      failures.append(failure(role, family, shortest: lengths.last))
      return
    }
    let range = PlannedRange(role, found.prefix, from: Self.source)
    request[role].append(range)
    choices.append(Choice(range: range, reasons: [size(found.prefix)] + found.reasons))
  }

  /// Nothing is free; or, without a length worth trying, what the demand needs is more than the targets take.
  private func failure(_ role: PlannedRange.Role, _ family: IPFamily, shortest: Int?) -> PlanFinding {
    let names = request.targets.map(\.name).joined(separator: ", ")
    guard let shortest else {
      return PlanFinding(
        .error, .noRoom, "an \(family.name) \(role.rawValue) range for this demand",
        found: "is larger than \(names) allow\(request.targets.count == 1 ? "s" : "")",
        meaning: "no range serves it, wherever it lies", expected: "a demand within the limits", remedy: "ask for less",
        source: "the limits of \(names)")
    }
    return PlanFinding(
      .error, .noRoom, "an \(family.name) \(role.rawValue) range of /\(shortest)", found: "was not found",
      meaning: "all private space is taken, or kept from this by the limits of \(names)", expected: "a free block",
      remedy: "free some space, ask for less, or name a range", source: "RFC 1918, RFC 4193")
  }

  /// The lengths worth trying, the best first, and what a length gives.
  private func lengths(_ role: PlannedRange.Role, _ family: IPFamily) -> ([Int], (Prefix) -> String) {
    let bits = family.bits
    let demand = request.demand
    let nodes = max(demand.largestNodeCount ?? 1, demand.nodes ?? 1)
    switch role {
    case .pod where !request.hasNodeParts && family == .v4:
      let needed = max(4, ceilingOfLog2(nodes * (demand.podsWithSurge ?? 1) + PlanTarget.eks.reservedNodeAddresses))
      return (
        preferLimits(role, family, Array(stride(from: max(0, 31 - needed), through: max(0, 32 - needed), by: 1))),
        { "\($0.count) addresses for the pods of all nodes" }
      )
    case .pod:
      let mask = request.nodeMask(family)
      let needed = ceilingOfLog2(nodes + 1)
      let preferred = min(max(8, ceilingOfLog2(2 * nodes)), max(16, needed))
      let lengths = stride(from: mask - preferred, through: mask - needed, by: 1).filter { $0 >= 0 }
      return (
        preferLimits(role, family, Array(lengths)),
        { "2^(\(mask)-\($0.length)) = \(1 << min(62, mask - $0.length)) nodes of /\(mask)" }
      )
    case .service:
      let services = demand.services ?? 1
      let needed = max(4, ceilingOfLog2(services + 2 + 256 + 2))
      let smallest = max(4, ceilingOfLog2(services + 4))
      let preferred = max(16, min(20, ceilingOfLog2(2 * services + 260)))
      let lengths = stride(from: bits - max(preferred, needed), through: bits - smallest, by: 1)
      return (preferLimits(role, family, Array(lengths)), { "\($0.count) addresses for Services" })
    case .node, .reserved:
      if family == .v6 { return ([64], { _ in "a /64, as links have" }) }
      let reserve = request.targets.map(\.reservedNodeAddresses).max() ?? 3
      let needed = max(ceilingOfLog2(nodes + reserve + 1), ceilingOfLog2(demand.nodeAddresses ?? 0))
      let preferred = max(8, ceilingOfLog2(2 * nodes + reserve), needed)
      let lengths = stride(from: bits - preferred, through: bits - needed, by: 1).filter { $0 >= 0 }
      return (preferLimits(role, family, Array(lengths)), { "\($0.count) addresses for nodes" })
    }
  }

  /// A cloud may take no range as small or as large as would do: its own bounds come where none of ours fits.
  private func preferLimits(_ role: PlannedRange.Role, _ family: IPFamily, _ lengths: [Int]) -> [Int] {
    let bounds = PlanLimit.limits(of: request.targets).compactMap { limit -> ClosedRange<Int>? in
      guard limit.role == role, limit.severity == .error, (limit.family ?? family) == family else { return nil }
      switch limit.constraint {
      case .length(let bounds): return bounds
      case .hostBits(let bounds):
        return max(0, family.bits - bounds.upperBound)...(family.bits - min(bounds.lowerBound, family.bits))
      default: return nil
      }
    }
    let lower = bounds.map(\.lowerBound).max() ?? 0
    let upper = bounds.map(\.upperBound).min() ?? family.bits
    let fitting = lengths.filter { lower <= $0 && $0 <= upper }
    // All of them smaller than the platform takes: its smallest. All larger: none can be had.
    if fitting.isEmpty, lower <= upper, let first = lengths.first, first > upper { return [upper] }
    return fitting
  }

  /// The primary family first.
  private mutating func sort(_ role: PlannedRange.Role) {
    let families = request.families
    request[role] =
      families.flatMap { family in request[role].filter { $0.family == family } }
      + request[role].filter { !families.contains($0.family) }
  }
}
