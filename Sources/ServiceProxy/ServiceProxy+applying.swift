internal import Addressing
internal import Netlink

extension ServiceProxy.Core {
  var masquerade: PodMasquerade {
    PodMasquerade(
      podRanges: configuration.localPodRanges, insideRanges: configuration.clusterRanges + configuration.serviceRanges)
  }

  /// Commits the elements of an update, and the chains it needs, as one transaction. If the kernel refuses (someone else
  /// changed the table), everything is compared and repaired instead.
  mutating func apply(_ changes: ElementChanges) throws {
    if mustRepair {
      try repair()
      return
    }
    var batch = NFTablesBatch()
    let created = addMissingChains(to: &batch)
    let count = changes.write(to: &batch)
    do {
      try commit(batch, elements: count)
    } catch is NFTablesError {
      try repair()
      return
    }
    installed.formUnion(created)
    removeUnusedChains()
    try deleteFlows(released: changes.released, opened: changes.opened)
    try forgetClients(of: changes.forgotten)
  }

  /// The chains of classes that are new; all of them before any rule, since rules lead to chains.
  private func addMissingChains(to batch: inout NFTablesBatch) -> Set<ServiceClass> {
    let created = Set(state.classes).subtracting(installed)
    let chains = created.sorted { $0.order < $1.order }.flatMap(ServicesLayout.chains)
    for chain in chains { batch.add(chain.chain, to: ServicesLayout.table) }
    for chain in chains {
      for rule in chain.rules { batch.add(rule, to: chain.chain.name, of: ServicesLayout.table) }
    }
    return created
  }

  private mutating func commit(_ batch: NFTablesBatch, elements: Int) throws {
    if batch.isEmpty { return }
    // Until the kernel has said yes, what it holds is not known.
    mustRepair = true
    try socket.commit(batch)
    mustRepair = false
    statistics.commits += 1
    statistics.elements += elements
  }

  /// Chains no frontend leads to any more, in a transaction of their own: kernels before 6.2 refuse to delete a chain in
  /// the one that deletes the last element leading to it. What fails now is tried again with the next change.
  private mutating func removeUnusedChains() {
    let unused = installed.subtracting(state.classes)
    if unused.isEmpty { return }
    let chains = unused.sorted { $0.order < $1.order }.flatMap(ServicesLayout.chains).map(\.chain.name)
    var batch = NFTablesBatch()
    for chain in chains { batch.flush(chain: chain, of: ServicesLayout.table) }
    for chain in chains { batch.delete(chain: chain, of: ServicesLayout.table) }
    guard (try? socket.commit(batch)) != nil else { return }
    statistics.commits += 1
    installed.subtract(unused)
  }

  /// Reads the table and writes what differs. Others may change it meanwhile, so a refused transaction is tried again from
  /// the reading on.
  mutating func repair() throws {
    mustRepair = true
    var attempts = 0
    while true {
      do {
        try masquerade.ensure(socket)
        try repairOnce()
        break
      } catch let error where error is NFTablesError || error is NetlinkError {
        attempts += 1
        if attempts == 5 { throw error }
      }
    }
    mustRepair = false
    try deleteStrayFlows()
    try forgetStrayClients()
  }

  private mutating func repairOnce() throws {
    let found = try socket.signature(of: ServicesLayout.table)
    let held = Set((found?.chains.keys).map { $0.compactMap(ServiceClass.init(chainName:)) } ?? [])
    guard let found, found == ServicesLayout.definition(held).signature else {
      try replaceTable()
      return
    }
    installed = held
    var contents: [ServicesLayout.SetID: [NFElement]] = [:]
    for id in ServicesLayout.SetID.all { contents[id] = try socket.elements(of: id.name, in: ServicesLayout.table) }
    state.adoptSlots(from: contents)
    var changes = ElementChanges()
    let wanted = state.elements(configuration)
    for id in ServicesLayout.SetID.all {
      for element in contents[id] ?? [] { changes.record(id, old: element, new: nil) }
      for element in wanted[id] ?? [] { changes.record(id, old: nil, new: element) }
    }
    var batch = NFTablesBatch()
    let created = addMissingChains(to: &batch)
    let count = changes.write(to: &batch)
    try commit(batch, elements: count)
    installed.formUnion(created)
    removeUnusedChains()
  }

  /// One transaction that deletes whatever is there under our name and makes the table anew, full.
  private mutating func replaceTable() throws {
    let classes = Set(state.classes)
    var batch = NFTablesBatch()
    batch.ensureAbsent(ServicesLayout.table)
    batch.add(ServicesLayout.definition(classes))
    var count = 0
    let elements = state.elements(configuration)
    for id in ServicesLayout.SetID.all {
      batch.add(elements[id] ?? [], to: id.name, of: ServicesLayout.table)
      count += elements[id]?.count ?? 0
    }
    try commit(batch, elements: count)
    installed = classes
    statistics.replacements += 1
  }
}
