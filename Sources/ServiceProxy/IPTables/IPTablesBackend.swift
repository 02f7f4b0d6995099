internal import Addressing
internal import ClusterModel
internal import Linux

/// Services in chains as kube-proxy's iptables mode has them, written with iptables-restore.
final class IPTablesBackend: ServiceBackend {
  let program: IPTablesProgram
  /// Health check ports that the kernel's rules admit.
  private var healthChecks: [NamespacedName: CompiledService.HealthCheck] = [:]

  init(_ variant: IPTablesVariant, namespace: NetworkNamespace?) throws {
    program = IPTablesProgram(variant: variant, namespace: namespace)
    // A machine without iptables should hear of it at once, not at the first Service.
    _ = try program.hasChain(.v4, .nat, IPTablesLayout.canary)
  }

  /// The families a cluster has; ip6tables may not work where nobody uses IPv6.
  private static func families(_ configuration: ServiceProxyConfiguration) -> [IPFamily] {
    let used = Set(configuration.serviceRanges.map(\.family))
    return used.isEmpty ? IPFamily.allCases : IPFamily.allCases.filter { used.contains($0) }
  }

  private static func layout(_ family: IPFamily, _ model: ServiceModel) -> IPTablesLayout {
    var layout = IPTablesLayout(family, model.configuration)
    for (service, check) in model.state.healthChecks { layout.healthPorts[check.port] = "\(service)" }
    return layout
  }

  func isIntact() throws -> Bool {
    for family in [IPFamily.v4, .v6] where isUsed.contains(family) {
      for table in IPTablesTable.allCases where try !program.hasChain(family, table, IPTablesLayout.canary) {
        return false
      }
    }
    return true
  }
  /// Families that have rules.
  private(set) var isUsed: Set<IPFamily> = []

  // MARK: All

  func repair(_ model: inout ServiceModel) throws {
    isUsed = Set(Self.families(model.configuration))
    var ports: [IPTablesPort.Key: [(key: FrontendKey, value: ServiceState.Frontend)]] = [:]
    for (key, frontend) in model.state.frontends where isUsed.contains(key.address.family) {
      ports[IPTablesPort.Key(key, frontend), default: []].append((key, frontend))
    }
    for family in isUsed.sorted(by: { $0 == .v4 && $1 == .v6 }) {
      let layout = Self.layout(family, model)
      var wanted = IPTablesWanted(layout)
      for (key, frontends) in ports where key.family == family {
        wanted.add(IPTablesPort(key, frontends.sorted { $0.key < $1.key }, layout))
      }
      let found = try program.read(family)
      var differences: [IPTablesTable: IPTablesDifference] = [:]
      for table in IPTablesTable.allCases {
        differences[table] = wanted.difference(table, found[table] ?? IPTablesContents())
        model.statistics.rules[.init(family, table.rawValue), default: .init()].total =
          wanted.ruleCount(table)
      }
      if found[.nat]?.chains["KUBE-SERVICES"] == nil { model.statistics.replacements += 1 }
      try write(family, differences, &model)
    }
    healthChecks = model.state.healthChecks
  }

  /// One call of iptables-restore, unless chains are very many. What refuses packets comes before what serves them goes,
  /// and goes after that came.
  private func write(
    _ family: IPFamily, _ differences: [IPTablesTable: IPTablesDifference], _ model: inout ServiceModel
  ) throws {
    var filter = differences[.filter] ?? IPTablesDifference()
    var last = IPTablesDifference()
    swap(&filter.deleted, &last.deleted)
    swap(&filter.removed, &last.removed)
    let nat = differences[.nat] ?? IPTablesDifference()
    var texts = nat.parts(ofChains: program.chainsInACall).map { $0.text(.nat) }
    texts[0] = filter.text(.filter) + texts[0]
    texts[texts.count - 1] += last.text(.filter)
    if texts == [""] { return }
    let begin = Time.monotonicSeconds
    for text in texts { try program.restore(family, text) }
    model.statistics.lastCommit = Time.monotonicSeconds - begin
    model.statistics.commits += texts.count
    let written = [IPTablesTable.nat: nat.ruleCount, .filter: filter.ruleCount + last.ruleCount]
    for (table, count) in written {
      model.statistics.rules[.init(family, table.rawValue), default: .init()].last = count
      model.statistics.elements += count
    }
  }

  // MARK: One change

  func apply(_ changes: ServiceChanges, _ model: inout ServiceModel) throws {
    if healthChecks != model.state.healthChecks { return try repair(&model) }
    var layouts: [IPFamily: IPTablesLayout] = [:]
    var differences: [IPFamily: [IPTablesTable: IPTablesDifference]] = [:]
    for (key, before, after) in changedPorts(changes, model.state) where isUsed.contains(key.family) {
      let layout = layouts[key.family] ?? Self.layout(key.family, model)
      layouts[key.family] = layout
      let (old, new) = (before.map { IPTablesPort(key, $0, layout) }, after.map { IPTablesPort(key, $0, layout) })
      IPTablesWanted.difference(from: old, to: new, &differences[key.family, default: [:]])
      for table in IPTablesTable.allCases {
        model.statistics.rules[.init(key.family, table.rawValue), default: .init()].total +=
          (new?.ruleCount(table) ?? 0) - (old?.ruleCount(table) ?? 0)
      }
    }
    for (family, differences) in differences { try write(family, differences, &model) }
  }

  typealias Frontends = [(key: FrontendKey, value: ServiceState.Frontend)]

  /// Every port of which a frontend changed, with all frontends it had and has.
  private func changedPorts(
    _ changes: ServiceChanges, _ state: ServiceState
  ) -> [(IPTablesPort.Key, before: Frontends?, after: Frontends?)] {
    var owners: Set<NamespacedName> = []
    var touched: Set<IPTablesPort.Key> = []
    var before: [IPTablesPort.Key: Frontends] = [:]
    var after: [IPTablesPort.Key: Frontends] = [:]
    for (key, change) in changes.frontends where change.old != change.new {
      for frontend in [change.old, change.new].compactMap({ $0 }) {
        owners.insert(frontend.owner)
        touched.insert(IPTablesPort.Key(key, frontend))
      }
      if let old = change.old { before[IPTablesPort.Key(key, old), default: []].append((key, old)) }
    }
    for owner in owners {
      for (key, frontend) in state.frontends(of: owner) {
        let port = IPTablesPort.Key(key, frontend)
        guard touched.contains(port) else { continue }
        after[port, default: []].append((key, frontend))
        let change = changes.frontends[key]
        if change == nil || change?.old == change?.new { before[port, default: []].append((key, frontend)) }
      }
    }
    return touched.sorted().map { port in
      (port, before[port]?.sorted { $0.key < $1.key }, after[port]?.sorted { $0.key < $1.key })
    }
  }

  // MARK: Removal

  func remove() throws { try Self.remove(program) }

  /// Of what is not there this makes nothing, not even the empty tables that iptables-legacy makes where it looks.
  static func remove(_ program: IPTablesProgram) throws {
    for family in IPFamily.allCases {
      try IPTablesCleanup.run(program, family) { $0[IPTablesLayout.canary] == [IPTablesLayout.signature] }
    }
  }
}
