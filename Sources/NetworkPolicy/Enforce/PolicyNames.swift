internal import Addressing
internal import ClusterModel

/// Names of sets and chains in the kernel: a word and a number, given when first asked for. What they stand for is in
/// their comments.
struct PolicyNames {
  private var sets: [PolicySet: String] = [:]
  private var chains: [PolicyChain: String] = [:]
  private var count = 0

  mutating func name(_ set: PolicySet, _ family: IPFamily?) -> String {
    let stem: String
    if let known = sets[set] {
      stem = known
    } else {
      switch set {
      case .known: stem = "known"
      case .itself: stem = "self"
      case .nodeRanges: stem = "node-ranges"
      case .pods: stem = "pods-\(next())"
      case .namedPort: stem = "named-port-\(next())"
      case .blocks: stem = "blocks-\(next())"
      case .ports: stem = "ports-\(next())"
      }
      sets[set] = stem
    }
    switch family {
    case .v4?: return stem + "-ipv4"
    case .v6?: return stem + "-ipv6"
    case nil: return stem
    }
  }

  mutating func name(_ chain: PolicyChain) -> String {
    if let known = chains[chain] { return known }
    let name = "\(chain.direction)-\(next())"
    chains[chain] = name
    return name
  }

  mutating func forget(_ set: PolicySet) { sets[set] = nil }
  mutating func forget(_ chain: PolicyChain) { chains[chain] = nil }

  private mutating func next() -> Int {
    count += 1
    return count
  }
}

extension PolicySet {
  /// What the set holds, for whoever lists the rules.
  var comment: String {
    switch self {
    case .known: "this node's pods"
    case .itself: "a pod and itself"
    case .nodeRanges: "this node's pod ranges"
    case .pods(let key): key.description
    case .namedPort(let key, let name, let transport): "port \(name)/\(transport.rawValue) of \(key)"
    case .blocks: "blocks without their exceptions"
    case .ports: "ports"
    }
  }
}

extension SelectorKey: CustomStringConvertible {
  package var description: String {
    switch scope {
    case .namespace(let name): "pods \(pods) in namespace \(name)"
    case .namespaces(let selector): "pods \(pods) in namespaces \(selector)"
    }
  }
}

extension PolicyChain: CustomStringConvertible {
  package var description: String { "\(direction): \(policies.map(\.description).joined(separator: ", "))" }
}
