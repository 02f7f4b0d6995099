internal import Addressing
internal import Linux

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

extension IPTablesVariant {
  /// The variants this machine has, each once, `host` never.
  static var installed: [IPTablesVariant] {
    let known = [IPTablesVariant.nft, .legacy].filter { $0.version != nil }
    // Where the two have no names of their own there is one, called iptables.
    return known.isEmpty && IPTablesVariant.host.version != nil ? [.host] : known
  }

  /// Which of the two `host` is.
  var resolved: IPTablesVariant {
    guard self == .host, let version else { return self }
    let variant: IPTablesVariant = version.contains("nf_tables") ? .nft : .legacy
    return variant.version == nil ? .host : variant
  }

  /// `iptables v1.8.9 (nf_tables)`; nil where it is not installed.
  private var version: String? {
    guard let result = try? ChildProcess.run([rawValue, "--version"], timeout: 10), result.status.isSuccess else {
      return nil
    }
    return result.output
  }
}

/// iptables refused something, or could not be run.
package struct IPTablesError: Error, Hashable, Sendable, CustomStringConvertible {
  package let description: String
  /// It was what we asked for, not that iptables was locked, killed or missing.
  package var isRefusal = false
}
