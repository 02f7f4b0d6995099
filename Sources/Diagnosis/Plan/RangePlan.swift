package import Addressing

/// The ranges of a cluster, checked: for nodes, pods and Services one range a family each, of sizes that serve the nodes
/// asked for, and no overlap, neither with one another nor with what is taken already. A value of this type exists only if
/// the ranges are good.
package struct RangePlan: Hashable, Sendable {
  /// One range a family, the primary family first; the families and their order are those of all three.
  package let nodeRanges: [PlannedRange]
  package let podRanges: [PlannedRange]
  package let serviceRanges: [PlannedRange]
  /// Prefix length of the part of the pod range that each node gets: unless told otherwise 24 for IPv4, 64 for IPv6, the
  /// defaults of kube-controller-manager's `--node-cidr-mask-size`.
  package let nodeMasks: [IPFamily: Int]
  /// What works until something usual happens.
  package let warnings: [PlanFinding]

  /// - Parameters:
  ///   - nodeMasks: only where they are not the usual ones.
  ///   - nodeCount: nodes that will run pods, at once.
  ///   - nodeAddresses: addresses needed in the node range, gateway and network address included.
  ///   - taken: ranges that exist already and must stay apart.
  /// - Throws: all problems together, not only the first.
  package init(
    nodes: [PlannedRange], pods: [PlannedRange], services: [PlannedRange], nodeMasks: [IPFamily: Int] = [:],
    nodeCount: Int, nodeAddresses: Int, taken: [PlannedRange] = []
  ) throws(RangePlanError) {
    nodeRanges = nodes
    podRanges = pods
    serviceRanges = services

    var request = PlanRequest()
    request.nodes = nodes
    request.pods = pods
    request.services = services
    request.taken = taken
    request.nodeMasks = nodeMasks
    request.demand.nodes = nodeCount
    request.demand.nodeAddresses = nodeAddresses
    self.nodeMasks = Dictionary(
      uniqueKeysWithValues: IPFamily.allCases.map { ($0, request.nodeMask($0)) })
    var problems = Self.familyProblems([nodes, pods, services])
    let review = PlanReview(request)
    warnings = review.warnings
    // The review takes several node ranges a family; what it says of families is said above for all three at once.
    problems += review.errors.filter { $0.rule != .family }.map(\.sentence)
    if !problems.isEmpty { throw RangePlanError(problems: problems) }
  }

  /// A plan of one family.
  package init(
    nodes: PlannedRange, pods: PlannedRange, services: PlannedRange, nodeCount: Int, nodeAddresses: Int,
    taken: [PlannedRange] = []
  ) throws(RangePlanError) {
    try self.init(
      nodes: [nodes], pods: [pods], services: [services], nodeCount: nodeCount, nodeAddresses: nodeAddresses,
      taken: taken)
  }

  /// The families of the cluster, the primary one first.
  package var families: [IPFamily] { podRanges.map(\.prefix.family) }
  /// The ranges of the primary family.
  package var nodes: PlannedRange { nodeRanges[0] }
  package var pods: PlannedRange { podRanges[0] }
  package var services: PlannedRange { serviceRanges[0] }

  /// The range of a role in a family; nil if the cluster does not have the family.
  package func prefix(_ role: PlannedRange.Role, _ family: IPFamily) -> Prefix? {
    let ranges =
      switch role {
      case .node: nodeRanges
      case .pod: podRanges
      case .service: serviceRanges
      case .reserved: [PlannedRange]()
      }
    return ranges.first { $0.prefix.family == family }?.prefix
  }

  /// The part of the pod range a node gets, counted from 0, of the primary family unless another is named; nil beyond the
  /// end, and for a family the cluster does not have.
  package func podRange(ofNode index: Int, family: IPFamily? = nil) -> Prefix? {
    let family = family ?? pods.prefix.family
    return prefix(.pod, family)?.subnet(length: nodeMasks[family]!, at: UInt128(index))
  }

  /// The address of the Service `kubernetes`, always the first of the primary family (kube-apiserver takes it).
  package var apiServiceAddress: IPAddress { apiServiceAddresses[0] }
  /// The first address of each service range.
  package var apiServiceAddresses: [IPAddress] { serviceRanges.map { $0.prefix.address(at: 1)! } }
  /// The address of cluster DNS, the tenth, as kubeadm chooses it.
  package var dnsServiceAddress: IPAddress { dnsServiceAddresses[0] }
  /// The tenth address of each service range.
  package var dnsServiceAddresses: [IPAddress] { serviceRanges.map { $0.prefix.address(at: 10)! } }

  private static func familyProblems(_ roles: [[PlannedRange]]) -> [String] {
    var problems: [String] = []
    for ranges in roles {
      for (index, range) in ranges.enumerated() {
        if let earlier = ranges[..<index].first(where: { $0.prefix.family == range.prefix.family }) {
          problems.append(
            "\(range.description) is the second \(range.prefix.family.name) range beside \(earlier.prefix): name one "
              + "range a family")
        }
      }
    }
    let nodes = roles[0]
    if roles.contains(where: \.isEmpty) {
      return problems + ["a cluster needs a node, a pod and a service range: one of them is missing"]
    }
    for ranges in roles[1...] where ranges.map(\.prefix.family) != nodes.map(\.prefix.family) {
      func list(_ ranges: [PlannedRange]) -> String {
        "\(ranges.map(\.description).joined(separator: " and ")) \(ranges.count == 1 ? "is" : "are") "
          + ranges.map(\.prefix.family.name).joined(separator: " and ")
      }
      problems.append("\(list(ranges)) and \(list(nodes)): choose all three of the same families, in the same order")
    }
    return problems
  }
}
