internal import Addressing
package import ClusterModel
internal import Kubernetes

extension PolicyModel {
  /// Takes changes of the cluster; `takeChange` then says what they mean for the table. Keys of other kinds are ignored.
  ///
  /// False where the node's pod ranges have other families now: every set and rule depends on them, so everything was
  /// compiled anew, and the whole `table` is to be written instead of a change.
  package mutating func update(_ keys: some Sequence<ChangeKey>, from state: ClusterState) -> Bool {
    var dirtyPods: Set<NamespacedName> = []
    var dirtyChains: Set<PolicyChain> = []
    var changedPods: [NamespacedName] = []
    for key in keys {
      switch key {
      case .node(node):
        let ranges = state.nodes[node]?.podRanges ?? []
        guard ranges != nodeRanges else { continue }
        if Self.families(of: ranges) != families {
          self = PolicyModel(node: node, compiling: state)
          return false
        }
        setRanges(ranges)
      case .namespace(let name): setNamespace(name, state.namespaces[name]?.labels)
      case .policy(let id):
        // Pods that the old selector chose and pods that the new one chooses are all in the policy's namespace.
        guard policies[id] != state.policies[id] else { continue }
        setPolicy(id, state.policies[id])
        dirtyPods.formUnion(localPods[id.namespace] ?? [])
        dirtyChains.formUnion(chainsOfPolicy[id] ?? [])
      case .pod(let id): changedPods.append(id)
      case .node, .service, .ingress, .ingressClass, .certificate, .serviceCIDR: continue
      }
    }
    for id in changedPods {
      let pod = state.pods[id].flatMap { PolicyPod($0, families: families) }
      if setPod(id, pod) { dirtyPods.insert(id) }
    }
    for chain in dirtyChains { recompile(chain) }
    for id in dirtyPods { assign(id) }
    return true
  }

  static func families(of ranges: [Prefix]) -> [IPFamily] {
    IPFamily.allCases.filter { family in ranges.contains { $0.family == family } }
  }

  // MARK: Facts

  mutating func setRanges(_ ranges: [Prefix]) {
    let merged = AddressRange.merged(ranges.map(AddressRange.init))
    for range in AddressRange.merged(nodeRanges.map(AddressRange.init)) {
      removeElement(.range(range), from: .nodeRanges)
    }
    for range in merged { addElement(.range(range), to: .nodeRanges) }
    nodeRanges = ranges
    families = Self.families(of: ranges)
  }

  /// Labels of a namespace; one that the API has not told of yet has its name, which no one can change.
  func labels(ofNamespace name: String) -> [String: String] {
    namespaceLabels[name] ?? ["kubernetes.io/metadata.name": name]
  }

  private mutating func setNamespace(_ name: String, _ labels: [String: String]?) {
    let old = self.labels(ofNamespace: name)
    namespaceLabels[name] = labels
    let new = self.labels(ofNamespace: name)
    guard old != new, let members = podsByNamespace[name] else { return }
    for set in selectorSets[nil] ?? [] {
      guard let key = set.selector,
        key.includes(namespace: name, labels: old) != key.includes(namespace: name, labels: new)
      else { continue }
      for pod in members.compactMap({ pods[$0] }) {
        for element in pod.elements(in: set, namespaceLabels: old) { removeElement(element, from: set) }
        for element in pod.elements(in: set, namespaceLabels: new) { addElement(element, to: set) }
      }
    }
  }

  mutating func setPolicy(_ id: NamespacedName, _ policy: NetworkPolicy?) {
    policies[id] = policy
    if policy != nil {
      policiesByNamespace[id.namespace, default: []].insert(id)
    } else {
      policiesByNamespace[id.namespace]?.remove(id)
      if policiesByNamespace[id.namespace]?.isEmpty == true { policiesByNamespace[id.namespace] = nil }
    }
  }

  /// Takes a pod as it is now, nil for gone, into the sets. False where nothing that policies see is different.
  @discardableResult
  mutating func setPod(_ id: NamespacedName, _ pod: PolicyPod?) -> Bool {
    let old = pods[id]
    guard old != pod else { return false }
    pods[id] = pod
    podsByNamespace.set(id, in: id.namespace, isMember: pod != nil)
    localPods.set(id, in: id.namespace, isMember: pod?.node == node)
    if old?.labels != pod?.labels || old?.addresses != pod?.addresses || old?.namedPorts != pod?.namedPorts {
      let labels = labels(ofNamespace: id.namespace)
      for set in (selectorSets[id.namespace] ?? []).union(selectorSets[nil] ?? []) {
        // Adding first keeps elements that stay from being touched.
        for element in pod?.elements(in: set, namespaceLabels: labels) ?? [] { addElement(element, to: set) }
        for element in old?.elements(in: set, namespaceLabels: labels) ?? [] { removeElement(element, from: set) }
      }
    }
    setLocal(id, old: old?.node == node ? old?.addresses ?? [] : [], new: pod?.node == node ? pod?.addresses ?? [] : [])
    return true
  }

  private mutating func setLocal(_ id: NamespacedName, old: [IPAddress], new: [IPAddress]) {
    for address in new {
      addElement(.address(address), to: .known)
      addElement(.pair(address), to: .itself)
      owners[address, default: []].insert(id)
    }
    for address in old {
      removeElement(.address(address), from: .known)
      removeElement(.pair(address), from: .itself)
      guard !new.contains(address) else { continue }
      owners[address]?.remove(id)
      if owners[address]?.isEmpty == true { owners[address] = nil }
      updateMap(address)
    }
  }

  // MARK: Chains

  /// Finds the chains of a pod of this node; of any other pod, that it has none.
  mutating func assign(_ id: NamespacedName) {
    let old = assignments[id] ?? Assignment()
    var new = Assignment()
    if let pod = pods[id], pod.node == node {
      let mine = (policiesByNamespace[id.namespace] ?? []).compactMap { policies[$0] }
        .filter { $0.selector.matches(pod.labels) }
      let ingress = mine.filter { $0.ingress != nil }.map(\.id).sorted()
      let egress = mine.filter { $0.egress != nil }.map(\.id).sorted()
      if !ingress.isEmpty { new.ingress = PolicyChain(.ingress, ingress) }
      if !egress.isEmpty { new.egress = PolicyChain(.egress, egress) }
    }
    assignments[id] = new == Assignment() ? nil : new
    for (before, now) in [(old.ingress, new.ingress), (old.egress, new.egress)] where before != now {
      if let now { use(now, 1) }
      if let before { use(before, -1) }
    }
    for address in pods[id]?.addresses ?? [] { updateMap(address) }
  }

  /// What the maps say of an address: the chains of its pod; of two, of the one that does not end.
  private mutating func updateMap(_ address: IPAddress) {
    let owner = owners[address]?.compactMap { pods[$0] }.min {
      $0.isTerminating != $1.isTerminating ? $1.isTerminating : $0.id < $1.id
    }
    let new = owner.flatMap { assignments[$0.id] } ?? Assignment()
    let old = maps[address] ?? Assignment()
    guard new != old else { return }
    if touchedAddresses[address] == nil { touchedAddresses[address] = old }
    maps[address] = new == Assignment() ? nil : new
  }

  private mutating func use(_ chain: PolicyChain, _ count: Int) {
    touchedChains.insert(chain)
    if chains[chain] == nil {
      chains[chain] = ChainEntry(rules: [])
      for policy in chain.policies { chainsOfPolicy[policy, default: []].insert(chain) }
      recompile(chain)
    }
    chains[chain]!.users += count
  }

  private mutating func recompile(_ chain: PolicyChain) {
    guard let old = chains[chain]?.rules else { return }
    let rules = RuleCompiler(families: families).rules(
      of: chain.policies.compactMap { policies[$0] }, chain.direction)
    guard rules != old else { return }
    chains[chain]!.rules = rules
    touchedChains.insert(chain)
    for set in rules.flatMap(\.sets) { retain(set) }
    for set in old.flatMap(\.sets) { release(set) }
  }

  /// Forgets a chain that no pod uses.
  mutating func dropChain(_ chain: PolicyChain) {
    guard let entry = chains.removeValue(forKey: chain) else { return }
    for policy in chain.policies { chainsOfPolicy.set(chain, in: policy, isMember: false) }
    for set in entry.rules.flatMap(\.sets) { release(set) }
  }

  // MARK: Sets

  private mutating func retain(_ set: PolicySet) {
    if sets[set] == nil {
      sets[set] = SetEntry()
      fill(set)
      index(set, isAdded: true)
    }
    sets[set]!.users += 1
    touchedSets.insert(set)
  }

  private mutating func release(_ set: PolicySet) {
    sets[set]!.users -= 1
    touchedSets.insert(set)
  }

  mutating func dropSet(_ set: PolicySet) {
    sets[set] = nil
    index(set, isAdded: false)
  }

  private mutating func index(_ set: PolicySet, isAdded: Bool) {
    guard let key = set.selector else { return }
    switch key.scope {
    case .namespace(let name): selectorSets.set(set, in: name, isMember: isAdded)
    case .namespaces: selectorSets.set(set, in: nil, isMember: isAdded)
    }
  }

  private mutating func fill(_ set: PolicySet) {
    switch set {
    case .blocks(let ranges): for range in ranges { addElement(.range(range), to: set) }
    case .ports(let ports): for port in ports { addElement(.port(port), to: set) }
    case .pods(let key), .namedPort(let key, _, _):
      for (namespace, members) in podsByNamespace {
        let labels = labels(ofNamespace: namespace)
        guard key.includes(namespace: namespace, labels: labels) else { continue }
        for pod in members.compactMap({ pods[$0] }) {
          for element in pod.elements(in: set, namespaceLabels: labels) { addElement(element, to: set) }
        }
      }
    case .known, .itself, .nodeRanges: break
    }
  }

  private mutating func addElement(_ element: PolicyElement, to set: PolicySet) {
    sets[set]!.bag.add(element)
    touchedSets.insert(set)
  }

  private mutating func removeElement(_ element: PolicyElement, from set: PolicySet) {
    sets[set]!.bag.remove(element)
    touchedSets.insert(set)
  }
}

extension PolicySet {
  /// The selector whose pods make the set, if pods do.
  var selector: SelectorKey? {
    switch self {
    case .pods(let key), .namedPort(let key, _, _): key
    case .known, .itself, .nodeRanges, .blocks, .ports: nil
    }
  }
}

extension Dictionary {
  /// Puts a member into the set of a key, or takes it out; keys with no members are dropped.
  mutating func set<Member>(_ member: Member, in key: Key, isMember: Bool) where Value == Set<Member> {
    if isMember {
      self[key, default: []].insert(member)
    } else if let index = index(forKey: key) {
      values[index].remove(member)
      if values[index].isEmpty { remove(at: index) }
    }
  }
}
