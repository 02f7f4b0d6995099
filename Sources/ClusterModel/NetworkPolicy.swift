package import Addressing
package import Kubernetes

/// A NetworkPolicy (networking.k8s.io/v1) with its defaults applied.
package struct NetworkPolicy: Hashable, Sendable {
  /// Whom a rule lets through (NetworkPolicyPeer of networking/v1).
  package enum Peer: Hashable, Sendable {
    /// Pods by label, in the namespaces by label; `namespaces` nil means the policy's own namespace.
    case pods(selector: LabelSelector, namespaces: LabelSelector?)
    /// `ipBlock`: the range without its exceptions.
    case block(Prefix, except: [Prefix])
  }

  /// Which ports a rule lets through (NetworkPolicyPort of networking/v1).
  package struct Port: Hashable, Sendable {
    package var transport: TransportProtocol
    /// nil: every port of the protocol.
    package var port: PortReference?
    /// Inclusive end of a range that begins at a numeric `port`.
    package var endPort: UInt16?

    package init(transport: TransportProtocol = .tcp, port: PortReference? = nil, endPort: UInt16? = nil) {
      self.transport = transport
      self.port = port
      self.endPort = endPort
    }
  }

  /// One rule of a direction: traffic passes that matches one of the peers and one of the ports.
  package struct Rule: Hashable, Sendable {
    /// Empty: any peer.
    package var peers: [Peer]
    /// Empty: any protocol and port.
    package var ports: [Port]

    package init(peers: [Peer] = [], ports: [Port] = []) {
      self.peers = peers
      self.ports = ports
    }
  }

  package var id: NamespacedName
  package var selector: LabelSelector
  /// nil: the policy does not isolate in this direction. Empty: nothing is allowed.
  package var ingress: [Rule]?
  package var egress: [Rule]?

  package init(id: NamespacedName, selector: LabelSelector, ingress: [Rule]? = nil, egress: [Rule]? = nil) {
    self.id = id
    self.selector = selector
    self.ingress = ingress
    self.egress = egress
  }
}
