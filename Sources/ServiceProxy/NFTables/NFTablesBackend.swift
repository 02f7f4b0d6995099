internal import Addressing
internal import ClusterModel
internal import Linux
internal import Netlink

/// Services in table `inet swiftlet-services`.
final class NFTablesBackend: ServiceBackend {
  let socket: NFTablesSocket
  /// How many frontends are of each class.
  private var classUses: [ServiceClass: Int] = [:]
  /// Classes whose chains the kernel has.
  private var installed: Set<ServiceClass> = []
  /// What the kernel's sets have room for, and what they hold.
  private var capacities = SetCapacities(for: SetCounts())
  private var counts = SetCounts()

  init(namespace: NetworkNamespace?) throws(SystemError) { socket = try NFTablesSocket(namespace: namespace) }

  var generations: UInt32? { socket.commits }

  /// Foreign changes are announced (`ServiceProxy.startWatching`).
  func isIntact() throws -> Bool { true }

  func remove() throws {
    var batch = NFTablesBatch()
    batch.ensureAbsent(ServicesLayout.table)
    try socket.commit(batch)
  }

  /// Commits the elements of an update, and the chains it needs, as one transaction.
  func apply(_ changes: ServiceChanges, _ model: inout ServiceModel) throws {
    for (key, change) in changes.frontends {
      for one in change.new?.classes(key) ?? [] { classUses[one, default: 0] += 1 }
      for one in change.old?.classes(key) ?? [] {
        let count = classUses[one] ?? 0
        classUses[one] = count > 1 ? count - 1 : nil
      }
    }
    let elements = ElementChanges(changes)
    let counts = elements.counts(after: counts)
    if capacities.hold(counts) {
      var batch = NFTablesBatch()
      let created = addMissingChains(to: &batch)
      let count = elements.write(to: &batch)
      try commit(batch, elements: count, &model)
      self.counts = counts
      installed.formUnion(created)
      removeUnusedChains(&model)
    } else {
      try replaceTable(&model, keeping: remembered())
    }
    try forgetClients(of: changes.forgotten, model.state)
  }

  /// The chains of classes that are new; all of them before any rule, since rules lead to chains.
  private func addMissingChains(to batch: inout NFTablesBatch) -> Set<ServiceClass> {
    let created = Set(classUses.keys).subtracting(installed)
    let chains = created.sorted { $0.order < $1.order }.flatMap(ServicesLayout.chains)
    for chain in chains { batch.add(chain.chain, to: ServicesLayout.table) }
    for chain in chains {
      for rule in chain.rules { batch.add(rule, to: chain.chain.name, of: ServicesLayout.table) }
    }
    return created
  }

  private func commit(_ batch: NFTablesBatch, elements: Int, _ model: inout ServiceModel) throws {
    if batch.isEmpty { return }
    let begin = Time.monotonicSeconds
    try socket.commit(batch)
    model.statistics.lastCommit = Time.monotonicSeconds - begin
    model.statistics.commits += 1
    model.statistics.elements += elements
  }

  /// Chains no frontend leads to any more, in a transaction of their own: kernels before 6.2 refuse to delete a chain in
  /// the one that deletes the last element leading to it. What fails now is tried again with the next change.
  private func removeUnusedChains(_ model: inout ServiceModel) {
    let unused = installed.subtracting(classUses.keys)
    if unused.isEmpty { return }
    let chains = unused.sorted { $0.order < $1.order }.flatMap(ServicesLayout.chains).map(\.chain.name)
    var batch = NFTablesBatch()
    for chain in chains { batch.flush(chain: chain, of: ServicesLayout.table) }
    for chain in chains { batch.delete(chain: chain, of: ServicesLayout.table) }
    guard (try? socket.commit(batch)) != nil else {
      model.statistics.cleanupFailures += 1
      return
    }
    model.statistics.commits += 1
    installed.subtract(unused)
  }

  func repair(_ model: inout ServiceModel) throws {
    classUses = ServiceClass.uses(by: model.state.frontends.lazy.map { ($0.key, $0.value) })
    try repairOnce(&model)
    try forgetStrayClients(model.state)
  }

  private func repairOnce(_ model: inout ServiceModel) throws {
    let found = try socket.signature(of: ServicesLayout.table)
    let held = Set((found?.chains.keys).map { $0.compactMap(ServiceClass.init(chainName:)) } ?? [])
    let wanted = ServicesLayout.definition(held).signature
    capacities = SetCapacities(try found.map { _ in try socket.setSizes(of: ServicesLayout.table) } ?? [:])
    counts = SetCounts(model.state)
    guard let found, found == wanted, capacities.hold(counts) else {
      // Whoever changed rules may have left alone what they have learned.
      let hasAffinity = found.map { found in affinitySets.allSatisfy { found.sets[$0] == wanted.sets[$0] } } ?? false
      try replaceTable(&model, keeping: hasAffinity ? remembered() : [:])
      return
    }
    installed = held
    var changes = ElementChanges()
    for id in ServicesLayout.SetID.all {
      if id.kind == .slots || id.kind == .nodePortSlots {
        var held = HeldSlots(id)
        try socket.readElements(
          of: id.name, in: ServicesLayout.table, begin: { held = HeldSlots(id) }, each: { held.take($0) })
        model.state.adoptSlots(from: held)
        model.state.differences(from: held, &changes)
      } else {
        for element in try socket.elements(of: id.name, in: ServicesLayout.table) {
          changes.record(id, old: element, new: nil)
        }
      }
    }
    model.state.forEachOther(model.configuration) { id, elements in
      for element in elements { changes.record(id, old: nil, new: element) }
    }
    var batch = NFTablesBatch()
    let created = addMissingChains(to: &batch)
    let count = changes.write(to: &batch)
    try commit(batch, elements: count, &model)
    installed.formUnion(created)
    removeUnusedChains(&model)
  }

  private var affinitySets: [String] {
    IPFamily.allCases.flatMap { family in
      [false, true].map { ServicesLayout.affinitySet(family, nodePort: $0) }
    }
  }

  /// Clients and the endpoints they keep, each with the time left to it.
  private func remembered() throws -> [String: [NFElement]] {
    var remembered: [String: [NFElement]] = [:]
    for set in affinitySets { remembered[set] = try socket.elements(of: set, in: ServicesLayout.table) }
    return remembered
  }

  /// One transaction that deletes whatever is there under our name and makes the table anew, full.
  private func replaceTable(_ model: inout ServiceModel, keeping remembered: [String: [NFElement]]) throws {
    let classes = Set(classUses.keys)
    let counts = SetCounts(model.state)
    let capacities = SetCapacities(for: counts)
    var batch = NFTablesBatch()
    batch.ensureAbsent(ServicesLayout.table)
    batch.add(ServicesLayout.definition(classes, capacities))
    var stream = ElementStream()
    model.state.forEachSlot { stream.add($1, to: $0, &batch) }
    model.state.forEachOther(model.configuration) { stream.add($1, to: $0, &batch) }
    stream.finish(&batch)
    for (set, elements) in remembered { batch.add(elements, to: set, of: ServicesLayout.table) }
    try commit(batch, elements: stream.count, &model)
    (self.counts, self.capacities) = (counts, capacities)
    installed = classes
    model.statistics.replacements += 1
  }
}
