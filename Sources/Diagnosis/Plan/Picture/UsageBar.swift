internal import Addressing

/// How full a range will be: consecutive parts of it, largest demand last, and what they are.
struct UsageBar {
  enum Part: Hashable {
    /// Kept apart, wanted at the start, wanted later.
    case reserved, used, planned
  }

  let role: PlannedRange.Role
  let title: String
  /// Each part reaches to this share of the whole, between 0 and 1, in rising order.
  let parts: [(part: Part, end: Double)]
  let text: String

  /// The bars of a request whose ranges are all there.
  static func bars(_ request: PlanRequest) -> [UsageBar] {
    var bars: [UsageBar] = []
    let demand = request.demand
    for range in request.nodes where range.prefix.count < 1 << 40 {
      let reserve = request.targets.map(\.reservedNodeAddresses).max() ?? 3
      bars.append(
        UsageBar(
          role: .node, title: "\(range.kind) \(range.prefix)",
          parts: shares(
            [(.used, (demand.nodes ?? 0) + reserve), (.planned, (demand.largestNodeCount ?? 0) + reserve)],
            of: Int(range.prefix.count)),
          text: counts(demand, of: "\(range.prefix.count) addresses")))
    }
    for range in request.pods where request.hasNodeParts {
      let mask = request.nodeMask(range.family)
      let bits = mask - range.prefix.length
      guard (0...40).contains(bits) else { continue }
      bars.append(
        UsageBar(
          role: .pod, title: "\(range.kind) \(range.prefix)",
          parts: shares(
            [(.used, demand.nodes ?? 0), (.planned, demand.largestNodeCount ?? 0)], of: 1 << bits),
          text: counts(demand, of: "\(1 << bits) parts of /\(mask)")))
      let host = range.family.bits - mask
      guard let pods = demand.podsPerNode, (2...40).contains(host) else { continue }
      bars.append(
        UsageBar(
          role: .pod, title: "  a node's /\(mask) of it",
          parts: shares([(.used, pods), (.planned, demand.podsWithSurge ?? pods)], of: 1 << host),
          text: "\(pods) pods, \(demand.podsWithSurge ?? pods) in a rollout, of "
            + "\(PlanReview.usableAddresses(host: host, range.family)) addresses"))
    }
    for range in request.services {
      let host = range.family.bits - range.prefix.length
      guard (4...40).contains(host) else { continue }
      let size = 1 << host
      let band = PlanReview.staticBand(size)
      let services = demand.services ?? 0
      let wanted = demand.services.map { "\($0) Services, " } ?? ""
      bars.append(
        UsageBar(
          role: .service, title: "\(range.kind) \(range.prefix)",
          parts: shares([(.reserved, band), (.used, min(size, band + services))], of: size),
          text: "\(wanted)\(band) addresses on request only, of \(size)"))
    }
    return bars
  }

  private static func counts(_ demand: PlanDemand, of whole: String) -> String {
    let nodes = demand.nodes.map { "\($0) node\($0 == 1 ? "" : "s")" } ?? ""
    let most = demand.maximumNodes.map { ", \($0) at most" } ?? ""
    return nodes.isEmpty ? whole : "\(nodes)\(most), of \(whole)"
  }

  private static func shares(_ ends: [(Part, Int)], of whole: Int) -> [(part: Part, end: Double)] {
    ends.map { ($0.0, min(1, Double($0.1) / Double(whole))) }
  }
}
