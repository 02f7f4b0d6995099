/// Everything one family shall hold, and what must be written for that.
struct IPTablesWanted {
  private let layout: IPTablesLayout
  private var chains: [String: [String]] = [:]
  private var rules: [IPTablesLayout.Dispatch: [String]] = [:]

  init(_ layout: IPTablesLayout) { self.layout = layout }

  mutating func add(_ port: IPTablesPort) {
    chains.merge(port.chains) { _, new in new }
    for (dispatch, rules) in port.rules { self.rules[dispatch, default: []] += rules }
  }

  /// Chains that belong to one Service.
  static func isServiceChain(_ name: String) -> Bool {
    ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-EXT-", "KUBE-FW-", "KUBE-XLB-"].contains { name.hasPrefix($0) }
  }

  /// All rules of a table, with those that lead to ours.
  func ruleCount(_ table: IPTablesTable) -> Int {
    var count = layout.chains(table).values.reduce(0) { $0 + $1.count }
    for (dispatch, rules) in rules where dispatch.table == table { count += rules.count }
    if table == .nat { count += chains.values.reduce(0) { $0 + $1.count } }
    return count + IPTablesLayout.jumps(table).reduce(0) { $0 + $1.rules.count }
  }

  func difference(_ table: IPTablesTable, _ found: IPTablesContents) -> IPTablesDifference {
    var difference = IPTablesDifference()
    for (chain, constant) in layout.chains(table) {
      guard let dispatch = IPTablesLayout.Dispatch(table, chain) else {
        if found.chains[chain] != constant { difference.written[chain] = constant }
        continue
      }
      Self.compare(chain, rules[dispatch] ?? [], last: constant, found.chains[chain], &difference)
    }
    if table == .nat {
      for (chain, rules) in chains where found.chains[chain] != rules { difference.written[chain] = rules }
    }
    for chain in found.chains.keys where Self.isServiceChain(chain) && (table != .nat || chains[chain] == nil) {
      difference.removed.insert(chain)
    }
    for (chain, rules) in IPTablesLayout.jumps(table) {
      let held = found.chains[chain] ?? []
      difference.inserted += rules.reversed().filter { !held.contains($0) }.map { (chain, $0) }
    }
    return difference
  }

  /// Rules of different Services never match the same packet: among themselves they have no order.
  private static func compare(
    _ chain: String, _ wanted: [String], last: [String], _ found: [String]?, _ difference: inout IPTablesDifference
  ) {
    if let found, Array(found.suffix(last.count)) == last {
      let held = found.dropLast(last.count)
      let (old, new) = (Set(held), Set(wanted))
      let (gone, missing) = (old.subtracting(new), new.subtracting(old))
      if old.count == held.count, gone.count + missing.count <= new.count / 2 + 8 {
        difference.inserted += missing.sorted().map { (chain, $0) }
        difference.deleted += gone.sorted().map { (chain, $0) }
        return
      }
    }
    difference.written[chain] = wanted.sorted() + last
  }

  /// What a port that changes needs.
  static func difference(
    from before: IPTablesPort?, to after: IPTablesPort?, _ differences: inout [IPTablesTable: IPTablesDifference]
  ) {
    let (old, new) = (before?.chains ?? [:], after?.chains ?? [:])
    for (chain, rules) in new where old[chain] != rules { differences[.nat, default: .init()].written[chain] = rules }
    for chain in old.keys where new[chain] == nil { differences[.nat, default: .init()].removed.insert(chain) }
    for dispatch in IPTablesLayout.Dispatch.allCases {
      let (old, new) = (before?.rules[dispatch] ?? [], after?.rules[dispatch] ?? [])
      for rule in new where !old.contains(rule) {
        differences[dispatch.table, default: .init()].inserted.append((dispatch.chain, rule))
      }
      for rule in old where !new.contains(rule) {
        differences[dispatch.table, default: .init()].deleted.append((dispatch.chain, rule))
      }
    }
  }
}
