package import Addressing
package import ClusterModel
package import Linux
internal import Netlink

/// Makes the kernel of one node hold what its policies ask for: table `inet swiftlet-policy`. It belongs to one queue.
///
/// A change is one transaction; what nothing refers to any more is deleted in a second one, since kernels before 6.2
/// refuse to delete a chain in the transaction that takes away the last jump to it. When a transaction is refused because
/// someone else changed the table, the whole table is replaced at once; no allowed flow notices.
package final class PolicyEnforcer {
  /// The table's name, and its family `inet`: what to compare announcements of changes with.
  package static var tableName: String { PolicyLayout.table.name }

  private let socket: NFTablesSocket
  private var model: PolicyModel
  private var names = PolicyNames()
  /// The generation in force, 1 to 65535; a flow that was never judged has 0.
  package private(set) var generation: UInt16

  /// Looks at the table that is there, if any, but changes nothing. `namespace` nil is the caller's own.
  package init(node: String, namespace: NetworkNamespace? = nil) throws {
    socket = try NFTablesSocket(namespace: namespace)
    model = PolicyModel(node: node)
    // Flows may carry marks of a table that is gone: a number nobody expects judges them anew.
    generation = try Self.readGeneration(socket) ?? UInt16.random(in: 1...UInt16.max)
  }

  /// The port id of our socket, under which the kernel announces our own changes.
  package var port: UInt32 { socket.port }

  /// Before the first policies are known: closes the node's pod ranges, unless a table of an earlier process stands, which
  /// goes on enforcing what it knew. So nothing is open between the start of a node and the first `sync`.
  package func close(_ ranges: [Prefix]) throws {
    guard try Self.readGeneration(socket) == nil else { return }
    model = PolicyModel(node: model.node)
    model.setRanges(ranges)
    try writeAll()
  }

  /// Replaces the table by what the cluster's state asks for, in one transaction. Call it once all kinds have been listed.
  package func sync(_ state: ClusterState) throws {
    model = PolicyModel(node: model.node, compiling: state)
    try writeAll()
  }

  /// Applies changes of the state; keys that policies do not see cost nothing.
  ///
  /// Returns why the kernel refused the change where the whole table had to be replaced instead: someone else had changed
  /// it. Throws where it refuses that too; then nothing is different.
  @discardableResult
  package func update(_ keys: some Sequence<ChangeKey>, _ state: ClusterState) throws -> (any Error)? {
    guard model.update(keys, from: state) else {
      try writeAll()
      return nil
    }
    let change = model.takeChange()
    if change.isEmpty { return nil }
    do {
      try write(change)
      return nil
    } catch let refusal {
      try writeAll()
      return refusal
    }
  }

  /// Writes the whole table again: for when it was flushed or changed by someone else.
  package func repair() throws { try writeAll() }

  /// Deletes the table: nothing is enforced any more.
  package func remove() throws {
    var batch = NFTablesBatch()
    batch.ensureAbsent(PolicyLayout.table)
    try socket.commit(batch)
  }

  // MARK: Writing

  private func writeAll() throws {
    _ = model.takeChange()
    names = PolicyNames()
    raiseGeneration()
    let table = model.table
    var batch = NFTablesBatch()
    batch.ensureAbsent(PolicyLayout.table)
    batch.add(PolicyLayout.definition(generation: generation, &names))
    batch.add([generationElement], to: PolicyLayout.generationSet.name, of: PolicyLayout.table)
    for set in PolicyModel.permanentSets {
      for family in IPFamily.allCases { addElements(table.sets[set] ?? [], set, family, &batch) }
    }
    let others = table.sets.keys.filter { !PolicyModel.permanentSets.contains($0) }
    // In the order of their comments, so that two tables of one cluster list alike.
    for set in others.sorted(by: { $0.comment < $1.comment }) { add(set, table.sets[set]!, &batch) }
    for chain in table.chains.keys.sorted() { add(chain, table.chains[chain]!, &batch) }
    map(.egress, table.egress.mapValues { .init(new: $0) }, &batch)
    map(.ingress, table.ingress.mapValues { .init(new: $0) }, &batch)
    try socket.commit(batch)
  }

  private func write(_ change: PolicyChange) throws {
    let table = PolicyLayout.table
    var batch = NFTablesBatch()
    for (set, elements) in change.newSets { add(set, elements, &batch) }
    for (set, elements) in change.elements {
      for family in PolicyEncoding.families(of: set, IPFamily.allCases) {
        let removed = PolicyEncoding.elements(elements.removed, family)
        if !removed.isEmpty { batch.delete(removed, from: names.name(set, family), of: table) }
        addElements(elements.added, set, family, &batch)
      }
    }
    for (chain, rules) in change.newChains { add(chain, rules, &batch) }
    for (chain, rules) in change.changedChains {
      batch.flush(chain: names.name(chain), of: table)
      addRules(chain, rules, &batch)
    }
    map(.egress, change.egress, &batch)
    map(.ingress, change.ingress, &batch)
    if change.mayDeny {
      batch.delete([generationElement], from: PolicyLayout.generationSet.name, of: table)
      raiseGeneration()
      batch.add([generationElement], to: PolicyLayout.generationSet.name, of: table)
      batch.flush(chain: "forward", of: table)
      for rule in PolicyLayout.forward(generation: generation) { batch.add(rule, to: "forward", of: table) }
    }
    try socket.commit(batch)
    try collect(change)
  }

  /// Deletes what nothing refers to any more.
  private func collect(_ change: PolicyChange) throws {
    let table = PolicyLayout.table
    var batch = NFTablesBatch()
    for chain in change.removedChains {
      batch.flush(chain: names.name(chain), of: table)
      batch.delete(chain: names.name(chain), of: table)
      names.forget(chain)
    }
    for set in change.removedSets {
      for family in PolicyEncoding.families(of: set, model.families) {
        batch.delete(set: names.name(set, family), of: table)
      }
      names.forget(set)
    }
    try socket.commit(batch)
  }

  private func add(_ set: PolicySet, _ elements: Set<PolicyElement>, _ batch: inout NFTablesBatch) {
    for family in PolicyEncoding.families(of: set, model.families) {
      batch.add(PolicyEncoding.set(set, family, &names), to: PolicyLayout.table)
      addElements(elements, set, family, &batch)
    }
  }

  private func addElements(
    _ elements: some Sequence<PolicyElement>, _ set: PolicySet, _ family: IPFamily?, _ batch: inout NFTablesBatch
  ) {
    let elements = PolicyEncoding.elements(elements, family)
    if !elements.isEmpty { batch.add(elements, to: names.name(set, family), of: PolicyLayout.table) }
  }

  private func add(_ chain: PolicyChain, _ rules: [PolicyRule], _ batch: inout NFTablesBatch) {
    batch.add(NFChain(names.name(chain), comment: chain.description), to: PolicyLayout.table)
    addRules(chain, rules, &batch)
  }

  private func addRules(_ chain: PolicyChain, _ rules: [PolicyRule], _ batch: inout NFTablesBatch) {
    for rule in PolicyEncoding.rules(chain, rules, &names) {
      batch.add(rule, to: names.name(chain), of: PolicyLayout.table)
    }
  }

  private func map(_ direction: PolicyDirection, _ moves: [IPAddress: PolicyChange.Move], _ batch: inout NFTablesBatch)
  {
    for family in IPFamily.allCases {
      let mine = moves.filter { $0.key.family == family }
      let map = PolicyLayout.map(direction, family)
      let old = mine.filter { $0.value.old != nil }.map { NFElement($0.key.bytes) }
      let new = mine.compactMap { address, move in
        move.new.map { NFElement(address.bytes, .verdict(.jump(names.name($0)))) }
      }
      if !old.isEmpty { batch.delete(old, from: map, of: PolicyLayout.table) }
      if !new.isEmpty { batch.add(new, to: map, of: PolicyLayout.table) }
    }
  }

  // MARK: Generation

  private func raiseGeneration() { generation = generation == UInt16.max ? 1 : generation + 1 }

  private var generationElement: NFElement {
    NFElement(NFValue.number(UInt64(PolicyLayout.mark(generation))).bytes(as: .mark))
  }

  /// The generation of the table that stands; nil where there is none.
  private static func readGeneration(_ socket: NFTablesSocket) throws -> UInt16? {
    guard try socket.tables().contains(where: { $0.family == .inet && $0.name == PolicyLayout.table.name }) else {
      return nil
    }
    let key = try socket.elements(of: PolicyLayout.generationSet.name, in: PolicyLayout.table).first?.key
    guard let key, key.count == 4 else { return nil }
    return UInt16(key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } >> 16)
  }
}
