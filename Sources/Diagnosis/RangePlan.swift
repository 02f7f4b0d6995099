package import Addressing

/// The three ranges of a cluster, checked: sizes that serve the nodes asked for, and no overlap, neither with one another
/// nor with what is taken already. A value of this type exists only if the ranges are good.
package struct RangePlan: Hashable, Sendable {
  package let nodes: PlannedRange
  package let pods: PlannedRange
  package let services: PlannedRange
  /// Prefix length of the part of the pod range that each node gets: 24 for IPv4, 64 for IPv6, the defaults of
  /// kube-controller-manager's `--node-cidr-mask-size`.
  package let nodeMask: Int

  /// - Parameters:
  ///   - nodeCount: nodes that will run pods, at once.
  ///   - nodeAddresses: addresses needed in the node range, gateway and network address included.
  ///   - taken: ranges that exist already and must stay apart.
  /// - Throws: all problems together, not only the first.
  package init(
    nodes: PlannedRange, pods: PlannedRange, services: PlannedRange, nodeCount: Int, nodeAddresses: Int,
    taken: [PlannedRange] = []
  ) throws(RangePlanError) {
    self.nodes = nodes
    self.pods = pods
    self.services = services
    nodeMask = pods.prefix.family == .v4 ? 24 : 64

    var problems: [String] = []
    let planned = [nodes, pods, services]
    for (index, range) in planned.enumerated() {
      problems += Self.problems(ofKind: range)
      for other in planned[..<index] + taken where range.prefix.overlaps(other.prefix) {
        problems.append(Self.overlap(other, range))
      }
    }
    problems += Self.sizeProblems(ofPods: pods, mask: nodeMask, nodeCount: nodeCount)
    problems += Self.sizeProblems(ofServices: services)
    if nodes.prefix.count < UInt128(nodeAddresses) {
      problems.append(
        "\(nodes.description) holds \(nodes.prefix.count) addresses, but \(nodeAddresses) are needed for the gateway and "
          + "\(nodeCount) nodes: choose a shorter prefix length or fewer nodes")
    }
    for range in [pods, services] where range.prefix.family != nodes.prefix.family {
      problems.append(
        "\(range.description) is \(range.prefix.family.name) and \(nodes.description) is "
          + "\(nodes.prefix.family.name): choose all three of one family")
    }
    if !problems.isEmpty { throw RangePlanError(problems: problems) }
  }

  /// The part of the pod range a node gets, counted from 0; nil beyond the end.
  package func podRange(ofNode index: Int) -> Prefix? {
    pods.prefix.subnet(length: nodeMask, at: UInt128(index))
  }

  /// The address of the Service `kubernetes`, always the first (kube-apiserver takes it).
  package var apiServiceAddress: IPAddress { services.prefix.address(at: 1)! }
  /// The address of cluster DNS, the tenth, as kubeadm chooses it.
  package var dnsServiceAddress: IPAddress { services.prefix.address(at: 10)! }

  private static func overlap(_ first: PlannedRange, _ second: PlannedRange) -> String {
    let relation: String
    if first.prefix == second.prefix {
      relation = "is the same as"
    } else if first.prefix.contains(second.prefix) {
      relation = "contains"
    } else {
      relation = "lies within"
    }
    return "\(first.description) \(relation) \(second.description): the ranges must not overlap, choose another for one"
  }

  /// Ranges with a meaning of their own (RFC 6890), which no cluster can use.
  private static let special: [(Prefix, String)] = [
    ("0.0.0.0/8", "this network"), ("127.0.0.0/8", "loopback"), ("169.254.0.0/16", "link-local"),
    ("224.0.0.0/4", "multicast"), ("240.0.0.0/4", "reserved"), ("::/127", "loopback and unspecified"),
    ("fe80::/10", "link-local"), ("ff00::/8", "multicast"),
  ].map { (Prefix($0.0)!, $0.1) }

  private static func problems(ofKind range: PlannedRange) -> [String] {
    special.filter { $0.0.overlaps(range.prefix) }.map {
      "\(range.description) overlaps \($0.0), which is \($0.1) (RFC 6890): choose a private range"
    }
  }

  private static func sizeProblems(ofPods pods: PlannedRange, mask: Int, nodeCount: Int) -> [String] {
    let bits = mask - pods.prefix.length
    if bits < 0 {
      return ["\(pods.description) is smaller than the /\(mask) each node gets: choose /\(mask) or shorter"]
    }
    if bits > 16 {
      return [
        "\(pods.description) has more than 65536 parts of /\(mask), the most kubeadm and kube-controller-manager "
          + "take: choose /\(mask - 16) or longer"
      ]
    }
    if nodeCount > 1 << bits {
      return [
        "\(pods.description) has room for \(1 << bits) node\(bits == 0 ? "" : "s") of /\(mask) each, but \(nodeCount) "
          + "are asked for: choose a shorter prefix length or fewer nodes"
      ]
    }
    return []
  }

  private static func sizeProblems(ofServices services: PlannedRange) -> [String] {
    let bits = services.prefix.family.bits - services.prefix.length
    if bits > 20 {
      return [
        "\(services.description) is larger than the 20 bits kubeadm accepts: choose "
          + "/\(services.prefix.family.bits - 20) or longer"
      ]
    }
    if bits < 4 {
      return [
        "\(services.description) has \(services.prefix.count) addresses; the API takes .1 and cluster DNS .10: choose "
          + "/\(services.prefix.family.bits - 4) or shorter"
      ]
    }
    return []
  }
}
