/// A chain: regular, or with `base` attached to a hook of the network stack.
package struct NFChain: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable {
    case filter, nat, route
  }
  /// NF_INET_… and NF_BR_… (same numbers).
  package enum Hook: UInt32, Hashable, Sendable {
    case prerouting = 0
    case input = 1
    case forward = 2
    case output = 3
    case postrouting = 4
  }
  package enum Policy: UInt32, Hashable, Sendable {
    case drop = 0
    case accept = 1
  }
  /// Where the kernel calls a base chain.
  package struct Base: Hashable, Sendable {
    package var kind: Kind
    package var hook: Hook
    /// Lower is earlier; see `NFPriority` for the names nft knows.
    package var priority: Int32
    package var policy: Policy

    package init(_ kind: Kind, _ hook: Hook, priority: Int32, policy: Policy = .accept) {
      self.kind = kind
      self.hook = hook
      self.priority = priority
      self.policy = policy
    }
  }

  package var name: String
  package var base: Base?
  package var comment: String?

  package init(_ name: String, _ base: Base? = nil, comment: String? = nil) {
    self.name = name
    self.base = base
    self.comment = comment
  }
}

/// Priorities by the names of nft(8), for families ip, ip6 and inet.
package enum NFPriority {
  package static let raw: Int32 = -300
  package static let mangle: Int32 = -150
  package static let destinationNAT: Int32 = -100
  package static let filter: Int32 = 0
  package static let security: Int32 = 50
  package static let sourceNAT: Int32 = 100
  /// `dstnat` and `filter` of the bridge family.
  package static let bridgeDestinationNAT: Int32 = -300
  package static let bridgeFilter: Int32 = -200
}
