internal import Addressing

/// Which iptables: both lead to the same rules, in nf_tables or in the older ip_tables.
package enum IPTablesVariant: String, Hashable, Sendable, CaseIterable {
  /// What `iptables-restore` is on this machine.
  case host = "iptables"
  case nft = "iptables-nft"
  case legacy = "iptables-legacy"

  /// `ip6tables-legacy-restore`, …
  func program(_ family: IPFamily, _ verb: String) -> String {
    let name = family == .v4 ? rawValue : "ip6" + rawValue.dropFirst(2)
    return "\(name)-\(verb)"
  }
}

/// iptables refused something, or could not be run.
package struct IPTablesError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
}
