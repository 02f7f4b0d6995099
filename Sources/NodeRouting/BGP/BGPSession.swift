package import Addressing

/// One session of this node's with another speaker, as BIRD is told.
package struct BGPSession: Hashable, Sendable {
  /// Who is at the other end.
  package enum Role: Hashable, Sendable {
    /// A node of the cluster, each of the two telling its own routes.
    case node(String)
    /// A node whose routes this one reflects.
    case reflectorClient(String)
    /// A reflector of another pair or cluster of reflectors, while this node is one too: it is told what clients said.
    case reflectorPeer(String)
    /// A speaker outside, by the configuration's name.
    case external(String)
  }

  /// How routes of one family are exchanged.
  package struct Channel: Hashable, Sendable {
    package var family: IPFamily
    /// The next hop this node gives, where the session's own address is of the other family.
    package var nextHop: IPAddress?
    /// Next hops of IPv4 routes are IPv6 addresses (RFC 8950).
    package var hasExtendedNextHop = false

    package init(_ family: IPFamily, nextHop: IPAddress? = nil, hasExtendedNextHop: Bool = false) {
      self.family = family
      self.nextHop = nextHop
      self.hasExtendedNextHop = hasExtendedNextHop
    }
  }

  package var role: Role
  /// BIRD's name of it, told again in the status.
  package var name: String
  package var local: IPAddress
  package var remote: IPAddress
  package var localPort: UInt16
  package var remotePort: UInt16
  package var localAS: ASNumber
  package var remoteAS: ASNumber
  package var password: BGPPassword?
  /// Hops the other end may be away; nil for BIRD's own choice by the kind of session, 0 for any.
  package var multihop: Int?
  package var channels: [Channel]
  /// What an external peer is told.
  package var advertise: Set<BGPAdvertisement> = []
  package var communities: [BGPCommunity] = []
  /// What is accepted from an external peer; nil is everything but the cluster's own.
  package var accept: [Prefix]?

  package var isInternal: Bool { localAS == remoteAS }

  /// A name for BIRD, which takes 64 bytes: a long node name is cut and ends in a hash of all of it.
  package static func name(_ kind: String, _ name: String, _ family: IPFamily) -> String {
    let suffix = family == .v4 ? "v4" : "v6"
    guard name.utf8.count > 45 else { return "\(kind).\(name).\(suffix)" }
    let hash = String(BGPSpeaker.hash(name), radix: 16)
    return "\(kind).\(name.prefix(28)).\(hash).\(suffix)"
  }
}
