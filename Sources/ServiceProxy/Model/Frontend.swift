package import Addressing
package import ClusterModel

/// What a client sends to: one address, protocol and port of a Service, or a port of every node.
package struct FrontendKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The unspecified address of a family stands for the node's own addresses of that family: a NodePort.
  package var address: IPAddress
  package var transport: TransportProtocol
  package var port: UInt16

  package init(_ address: IPAddress, _ transport: TransportProtocol, _ port: UInt16) {
    self.address = address
    self.transport = transport
    self.port = port
  }

  package static func nodePort(_ family: IPFamily, _ transport: TransportProtocol, _ port: UInt16) -> FrontendKey {
    FrontendKey(IPAddress(family, number: 0), transport, port)
  }

  package var isNodePort: Bool { address.isUnspecified }

  package var description: String {
    isNodePort
      ? "nodeport \(address.family.name) \(transport.rawValue) \(port)" : "\(address) \(transport.rawValue) \(port)"
  }

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

/// The targets that some clients of a frontend get.
package struct TargetChoice: Hashable, Sendable {
  /// What happens to a connection when there is no target.
  package enum WithoutTargets: Hashable, Sendable {
    /// TCP reset or ICMP port unreachable: there is no endpoint anywhere.
    case reject
    /// Silence: there are endpoints, but the Service's traffic policy allows none of them (KEP-2086).
    case drop
  }

  /// The most targets of one choice; endpoints beyond it get no traffic.
  package static let limit = 32768

  /// Distinct; in order where wanted, and target i in slot i where programmed.
  package var targets: [Target]
  package var withoutTargets: WithoutTargets
  /// A traffic policy allows endpoints of this node only.
  package var isLocal: Bool

  package init(_ targets: [Target], withoutTargets: WithoutTargets = .reject, isLocal: Bool = false) {
    self.targets = targets
    self.withoutTargets = withoutTargets
    self.isLocal = isLocal
  }
}

/// Where a frontend's address comes from.
package enum FrontendRole: String, Hashable, Sendable {
  case cluster = "ClusterIP"
  case nodePort = "NodePort"
  case external = "ExternalIP"
  case balancer = "LoadBalancer"
}

/// A frontend as it should be.
package struct WantedFrontend: Hashable, Sendable {
  package var role: FrontendRole
  /// `namespace/name:port`, shown by `nft list ruleset` after the element.
  package var comment: String
  /// For pods of this node and the node itself, and for everyone else unless `outside` says otherwise.
  package var inside: TargetChoice
  /// With `externalTrafficPolicy: Local`, for clients that are neither the node nor its pods; their address is kept.
  package var outside: TargetChoice?
  /// Endpoints that take no new connections but still serve: their UDP flows are left alone.
  package var draining: [Target] = []
  /// Seconds for which a client keeps its target; nil without session affinity.
  package var affinityTimeout: Int?
  /// Who may use the frontend; nil for everyone.
  package var sourceRanges: [Prefix]?

  package init(comment: String, role: FrontendRole, inside: TargetChoice) {
    self.role = role
    self.comment = comment
    self.inside = inside
  }
}

/// All a Service asks of this node.
package struct CompiledService: Hashable, Sendable {
  /// What a load balancer asks to know whether this node serves (`healthCheckNodePort`).
  package struct HealthCheck: Hashable, Sendable {
    package var port: UInt16
    /// Ready endpoints on this node.
    package var localEndpoints: Int

    package init(port: UInt16, localEndpoints: Int) {
      self.port = port
      self.localEndpoints = localEndpoints
    }
  }

  /// Cluster addresses of the Service, for which other ports are refused.
  package var addresses: [IPAddress] = []
  package var frontends: [FrontendKey: WantedFrontend] = [:]
  package var healthCheck: HealthCheck?

  package init() {}
}
