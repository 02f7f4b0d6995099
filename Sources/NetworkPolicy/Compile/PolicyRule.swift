package import Addressing
package import ClusterModel

/// The side of a connection that a policy isolates.
package enum PolicyDirection: String, Hashable, Sendable, CaseIterable, Comparable {
  case ingress
  case egress

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One rule of a chain: when everything matches, the connection is allowed in the chain's direction.
package struct PolicyRule: Hashable, Sendable {
  /// The other end: the client for ingress, the server for egress.
  package enum Peer: Hashable, Sendable {
    case any
    /// A set of addresses.
    case set(PolicySet)
  }

  /// What is asked of the protocol and the server's port.
  package enum Port: Hashable, Sendable {
    case any
    case transport(TransportProtocol)
    case exact(TransportProtocol, UInt16)
    /// More than one number, in a set.
    case oneOf(TransportProtocol, [UInt16])
    case range(TransportProtocol, ClosedRange<UInt16>)
    /// The server's address and port are in a set of named ports.
    case named(TransportProtocol, PolicySet)
  }

  package var peer: Peer
  package var port: Port
  /// The family whose sets the rule looks in; nil where it looks in none that has a family.
  package var family: IPFamily?
  /// The policy and the index of its rule that asked for this.
  package var policy: NamespacedName
  package var index: Int

  /// The sets that the rule looks in.
  package var sets: [PolicySet] {
    var sets: [PolicySet] = []
    if case .set(let set) = peer { sets.append(set) }
    switch port {
    case .oneOf(_, let numbers): sets.append(.ports(numbers))
    case .named(_, let set): sets.append(set)
    case .any, .transport, .exact, .range: break
    }
    return sets
  }
}

/// A chain: what the distinct set of policies that select a pod allows in one direction. Where no rule matches, it drops.
package struct PolicyChain: Hashable, Comparable, Sendable {
  package var direction: PolicyDirection
  /// In the order of their names.
  package var policies: [NamespacedName]

  package init(_ direction: PolicyDirection, _ policies: [NamespacedName]) {
    self.direction = direction
    self.policies = policies
  }

  package static func < (left: Self, right: Self) -> Bool {
    left.direction != right.direction
      ? left.direction < right.direction : left.policies.lexicographicallyPrecedes(right.policies)
  }
}
