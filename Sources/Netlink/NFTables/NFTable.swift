/// The family of an nf_tables table (NFPROTO_… of linux/netfilter.h).
package enum NFFamily: UInt8, Hashable, Sendable {
  case inet = 1
  case ipv4 = 2
  case arp = 3
  case netdev = 5
  case bridge = 7
  case ipv6 = 10

  /// The name nft uses.
  package var name: String {
    switch self {
    case .inet: "inet"
    case .ipv4: "ip"
    case .arp: "arp"
    case .netdev: "netdev"
    case .bridge: "bridge"
    case .ipv6: "ip6"
    }
  }
}

/// A table of nf_tables. Equality is by family and name, comment and flags.
package struct NFTable: Hashable, Sendable, CustomStringConvertible {
  package var family: NFFamily
  package var name: String
  /// Shown by `nft list ruleset`; at most 127 bytes, longer ones are cut.
  package var comment: String?
  /// NFT_TABLE_F_… of linux/netfilter/nf_tables.h.
  package var flags: UInt32 = 0

  package init(_ family: NFFamily, _ name: String, comment: String? = nil) {
    self.family = family
    self.name = name
    self.comment = comment
  }

  /// `inet swiftlet-services`, as nft writes it.
  package var description: String { "\(family.name) \(name)" }
}
