/// The tables Services need.
enum IPTablesTable: String, Hashable, CaseIterable {
  case nat, filter
}

/// Chains of one table, with their rules as iptables-save prints them after `-A CHAIN `.
struct IPTablesContents: Hashable {
  var chains: [String: [String]] = [:]

  /// The KUBE- chains, and what leads to them from elsewhere, in what iptables-save printed.
  static func tables(in output: [UInt8]) -> [IPTablesTable: IPTablesContents] {
    var tables: [IPTablesTable: IPTablesContents] = [:]
    var table: IPTablesTable?
    for bytes in output.split(separator: UInt8(ascii: "\n")) {
      guard let first = bytes.first else { continue }
      switch first {
      case UInt8(ascii: "*"):
        table = IPTablesTable(rawValue: String(decoding: bytes.dropFirst(), as: UTF8.self))
        if let table { tables[table] = IPTablesContents() }
      case UInt8(ascii: ":"):
        let name = String(decoding: bytes.dropFirst().prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        if let table, name.hasPrefix("KUBE-") { tables[table]?.chains[name] = [] }
      case UInt8(ascii: "-"):
        guard let table else { continue }
        let rest = bytes.dropFirst(3)
        let name = String(decoding: rest.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        let rule = String(decoding: rest.dropFirst(name.utf8.count + 1), as: UTF8.self)
        if name.hasPrefix("KUBE-") || rule.contains("-j KUBE-") {
          tables[table]?.chains[name, default: []].append(rule)
        }
      default: continue
      }
    }
    return tables
  }
}

/// What changes in one table, as lines of restore input.
struct IPTablesDifference {
  /// Chains written anew, whole.
  var written: [String: [String]] = [:]
  /// Rules put before all others of their chain.
  var inserted: [(chain: String, rule: String)] = []
  var deleted: [(chain: String, rule: String)] = []
  /// Chains that go.
  var removed: Set<String> = []

  var isEmpty: Bool { written.isEmpty && inserted.isEmpty && deleted.isEmpty && removed.isEmpty }

  /// Rules that come or go.
  var ruleCount: Int { written.values.reduce(inserted.count + deleted.count) { $0 + $1.count } + removed.count }

  /// One section: chains first, so that rules may lead to them; those that go last, when nothing leads to them any more.
  func text(_ table: IPTablesTable) -> String {
    if isEmpty { return "" }
    var text = "*\(table.rawValue)\n"
    for chain in written.keys.sorted() + removed.sorted() { text += ":\(chain) - [0:0]\n" }
    for (chain, rules) in written.sorted(by: { $0.key < $1.key }) {
      for rule in rules { text += "-A \(chain) \(rule)\n" }
    }
    for (chain, rule) in inserted { text += "-I \(chain) \(rule)\n" }
    for (chain, rule) in deleted { text += "-D \(chain) \(rule)\n" }
    for chain in removed.sorted() { text += "-X \(chain)\n" }
    return text + "COMMIT\n"
  }
}
