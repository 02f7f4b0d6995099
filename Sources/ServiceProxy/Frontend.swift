package import Addressing
package import ClusterModel

/// What a client sends to: one address, protocol and port of a Service.
package struct FrontendKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var address: IPAddress
  package var transport: TransportProtocol
  package var port: UInt16

  package init(_ address: IPAddress, _ transport: TransportProtocol, _ port: UInt16) {
    self.address = address
    self.transport = transport
    self.port = port
  }

  package var description: String { "\(address) \(transport.rawValue) \(port)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.address, left.transport, left.port) < (right.address, right.transport, right.port)
  }
}

/// Where a connection is sent: address and port of one endpoint.
package struct Target: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var address: IPAddress
  package var port: UInt16

  package init(_ address: IPAddress, _ port: UInt16) {
    self.address = address
    self.port = port
  }

  package var description: String { "\(address) \(port)" }

  package static func < (left: Self, right: Self) -> Bool { (left.address, left.port) < (right.address, right.port) }
}

/// A frontend as it should be.
package struct WantedFrontend: Hashable, Sendable {
  /// What happens to a connection when there is no target.
  package enum WithoutTargets: Hashable, Sendable {
    /// TCP reset or ICMP port unreachable: there is no endpoint anywhere.
    case reject
    /// Silence: there are endpoints, but the Service's traffic policy allows none of them (KEP-2086).
    case drop
  }

  /// `namespace/name:port`, shown by `nft list ruleset` after the element.
  package var comment: String
  /// Distinct, in order.
  package var targets: [Target]
  package var withoutTargets = WithoutTargets.reject
  /// Endpoints that take no new connections but still serve: their UDP flows are left alone.
  package var draining: [Target] = []

  package init(comment: String, targets: [Target]) {
    self.comment = comment
    self.targets = targets
  }
}

/// All a Service asks of this node.
package struct CompiledService: Hashable, Sendable {
  /// Addresses of the Service, for which other ports are refused.
  package var addresses: [IPAddress] = []
  package var frontends: [FrontendKey: WantedFrontend] = [:]

  package init() {}
}
