package import Addressing

/// Everything the policy table of one node is to hold, by content; names and handles belong to the enforcer.
package struct PolicyTable: Equatable, Sendable {
  package var sets: [PolicySet: Set<PolicyElement>] = [:]
  package var chains: [PolicyChain: [PolicyRule]] = [:]
  /// Pod address → chain, one map a direction.
  package var ingress: [IPAddress: PolicyChain] = [:]
  package var egress: [IPAddress: PolicyChain] = [:]

  package init() {}
}

/// What differs between two states of the table.
package struct PolicyChange: Equatable, Sendable {
  package struct Elements: Equatable, Sendable {
    package var added: [PolicyElement] = []
    package var removed: [PolicyElement] = []
  }

  /// The chain an address goes to, before and now; nil for none.
  package struct Move: Hashable, Sendable {
    package var old: PolicyChain?
    package var new: PolicyChain?
  }

  /// New sets with their elements.
  package var newSets: [PolicySet: Set<PolicyElement>] = [:]
  package var removedSets: Set<PolicySet> = []
  /// Elements of sets that were there before.
  package var elements: [PolicySet: Elements] = [:]
  /// New chains, and chains whose rules are different now.
  package var newChains: [PolicyChain: [PolicyRule]] = [:]
  package var changedChains: [PolicyChain: [PolicyRule]] = [:]
  package var removedChains: Set<PolicyChain> = []
  package var ingress: [IPAddress: Move] = [:]
  package var egress: [IPAddress: Move] = [:]

  package init() {}

  package var isEmpty: Bool { self == PolicyChange() }

  /// Whether a connection that was allowed may be denied now. Where only elements were added to sets that allow, and
  /// nothing else moved, established flows need not be judged again.
  package var mayDeny: Bool {
    !ingress.isEmpty || !egress.isEmpty || !changedChains.isEmpty
      || elements.contains { $0.key == .nodeRanges || !$0.value.removed.isEmpty }
  }
}

extension PolicyTable {
  /// Makes the table what it is after a change.
  package mutating func apply(_ change: PolicyChange) {
    for (set, elements) in change.newSets { sets[set] = elements }
    for set in change.removedSets { sets[set] = nil }
    for (set, elements) in change.elements {
      sets[set, default: []].subtract(elements.removed)
      sets[set, default: []].formUnion(elements.added)
    }
    chains.merge(change.newChains) { $1 }
    chains.merge(change.changedChains) { $1 }
    for chain in change.removedChains { chains[chain] = nil }
    for (address, move) in change.ingress { ingress[address] = move.new }
    for (address, move) in change.egress { egress[address] = move.new }
  }
}
