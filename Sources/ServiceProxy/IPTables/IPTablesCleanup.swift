internal import Addressing

/// Takes away the chains that Services in iptables leave, ours or kube-proxy's in any of its modes. What kubelet keeps
/// there (KUBE-FIREWALL, KUBE-KUBELET-CANARY) stays.
enum IPTablesCleanup {
  private static let constant: Set<String> = [
    "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-MARK-MASQ", "KUBE-POSTROUTING", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD",
    "KUBE-PROXY-FIREWALL", IPTablesLayout.canary, IPTablesLayout.unlessLocal,
    // Of its IPVS mode.
    "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER", "KUBE-SOURCE-RANGES-FIREWALL", "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER",
  ]

  static func isChain(_ name: String) -> Bool { constant.contains(name) || IPTablesWanted.isServiceChain(name) }

  /// Removes them from one family, if `meant` says so of the chains of table nat. Returns how many chains there were.
  @discardableResult
  static func run(
    _ program: IPTablesProgram, _ family: IPFamily, meant: ([String: [String]]) -> Bool = { _ in true }
  ) throws -> Int {
    let found = try program.read(family)
    guard meant(found[.nat]?.chains ?? [:]) else { return 0 }
    var texts: [String] = []
    var count = 0
    for table in IPTablesTable.allCases {
      var difference = IPTablesDifference()
      for (chain, rules) in found[table]?.chains ?? [:] {
        if isChain(chain) {
          difference.removed.insert(chain)
        } else {
          // Elsewhere only what leads to them.
          difference.deleted += rules.filter { leads($0) }.map { (chain, $0) }
        }
      }
      count += difference.removed.count
      texts += difference.parts(ofChains: program.chainsInACall).map { $0.text(table) }
    }
    for text in texts { try program.restore(family, text) }
    return count
  }

  /// Whether a rule leads to a chain of Services.
  static func leads(_ rule: String) -> Bool {
    let words = rule.split(separator: " ")
    guard let jump = words.lastIndex(of: "-j"), jump + 1 < words.endIndex else { return false }
    return isChain(String(words[jump + 1]))
  }
}
