package import Addressing
package import ClusterModel

/// The compiler of one node's policies: cluster state in, wanted table out. Pure; it keeps what it compiled, so that a
/// change costs what it touches: a pod's label only the selectors it enters or leaves and its own chain, a policy only its
/// namespace's pods on this node and its own sets.
///
/// Sets of selectors hold the matching pods of the whole cluster; chains exist only for pods of this node.
package struct PolicyModel {
  struct ChainEntry {
    var rules: [PolicyRule]
    /// Pods of this node that go to the chain.
    var users = 0
    /// What was last handed out; nil for a chain that nobody has seen yet.
    var published: [PolicyRule]?
  }
  struct SetEntry {
    var bag = ElementBag()
    /// Rules that look in the set. Sets that always exist have one from the beginning.
    var users = 0
    var isPublished = false
  }
  struct Assignment: Equatable {
    var ingress: PolicyChain?
    var egress: PolicyChain?
  }

  package let node: String
  /// Families of the node's pod ranges.
  package internal(set) var families: [IPFamily] = []
  package internal(set) var nodeRanges: [Prefix] = []

  var pods: [NamespacedName: PolicyPod] = [:]
  var podsByNamespace: [String: Set<NamespacedName>] = [:]
  var localPods: [String: Set<NamespacedName>] = [:]
  var namespaceLabels: [String: [String: String]] = [:]
  var policies: [NamespacedName: NetworkPolicy] = [:]
  var policiesByNamespace: [String: Set<NamespacedName>] = [:]

  var sets: [PolicySet: SetEntry] = [:]
  /// Sets whose members are pods, by the namespace they are bound to; nil for those that look at all.
  var selectorSets: [String?: Set<PolicySet>] = [:]
  var touchedSets: Set<PolicySet> = []
  var chains: [PolicyChain: ChainEntry] = [:]
  var chainsOfPolicy: [NamespacedName: Set<PolicyChain>] = [:]
  var touchedChains: Set<PolicyChain> = []
  var assignments: [NamespacedName: Assignment] = [:]
  /// Pods of this node by address; more than one only while one of them ends.
  var owners: [IPAddress: Set<NamespacedName>] = [:]
  var maps: [IPAddress: Assignment] = [:]
  /// Addresses touched since changes were last taken, and what the maps said before.
  var touchedAddresses: [IPAddress: Assignment] = [:]

  /// The sets that exist whatever the policies say.
  static var permanentSets: [PolicySet] { [.known, .itself, .nodeRanges] }

  /// An empty cluster, seen from a node.
  package init(node: String) {
    self.node = node
    for set in Self.permanentSets { sets[set] = SetEntry(users: 1, isPublished: true) }
  }

  /// The whole cluster, seen from a node.
  package init(node: String, compiling state: ClusterState) {
    self.init(node: node)
    setRanges(state.nodes[node]?.podRanges ?? [])
    for namespace in state.namespaces.values { namespaceLabels[namespace.name] = namespace.labels }
    for policy in state.policies.values { setPolicy(policy.id, policy) }
    for pod in state.pods.values { setPod(pod.id, PolicyPod(pod, families: families)) }
    for pod in pods.values where pod.node == node { assign(pod.id) }
  }

  /// Everything that is wanted now.
  package var table: PolicyTable {
    var table = PolicyTable()
    for (set, entry) in sets where entry.users > 0 { table.sets[set] = entry.bag.elements }
    for (chain, entry) in chains where entry.users > 0 { table.chains[chain] = entry.rules }
    for (address, assignment) in maps {
      table.ingress[address] = assignment.ingress
      table.egress[address] = assignment.egress
    }
    return table
  }

  /// What changed since this was last asked, or since the beginning.
  package mutating func takeChange() -> PolicyChange {
    var change = PolicyChange()
    for chain in touchedChains {
      guard let entry = chains[chain] else { continue }
      switch (entry.published, entry.users > 0) {
      case (nil, true): change.newChains[chain] = entry.rules
      case (let rules?, true): if rules != entry.rules { change.changedChains[chain] = entry.rules }
      case (let rules, false):
        if rules != nil { change.removedChains.insert(chain) }
        dropChain(chain)
        continue
      }
      chains[chain]?.published = entry.rules
    }
    touchedChains = []
    for set in touchedSets {
      guard let entry = sets[set] else { continue }
      if entry.users == 0 {
        if entry.isPublished { change.removedSets.insert(set) }
        dropSet(set)
      } else if !entry.isPublished {
        change.newSets[set] = entry.bag.elements
        sets[set]?.isPublished = true
        sets[set]?.bag.forgetChange()
      } else if let (added, removed) = sets[set]?.bag.takeChange(), !added.isEmpty || !removed.isEmpty {
        change.elements[set] = .init(added: added, removed: removed)
      }
    }
    touchedSets = []
    for (address, before) in touchedAddresses {
      let now = maps[address] ?? Assignment()
      if now.ingress != before.ingress { change.ingress[address] = .init(old: before.ingress, new: now.ingress) }
      if now.egress != before.egress { change.egress[address] = .init(old: before.egress, new: now.egress) }
    }
    touchedAddresses = [:]
    return change
  }
}
