public import Addressing

/// A NetworkPolicy (networking.k8s.io/v1) with its defaults applied.
public struct NetworkPolicy: Hashable, Sendable {
  public enum Peer: Hashable, Sendable {
    /// Pods by label, in the namespaces by label; `namespaces` nil means the policy's own namespace.
    case pods(selector: LabelSelector, namespaces: LabelSelector?)
    /// `ipBlock`: the range without its exceptions.
    case block(Prefix, except: [Prefix])
  }

  public struct Port: Hashable, Sendable {
    public var transport: TransportProtocol
    /// nil: every port of the protocol.
    public var port: PortReference?
    /// Inclusive end of a range that begins at a numeric `port`.
    public var endPort: UInt16?

    public init(transport: TransportProtocol = .tcp, port: PortReference? = nil, endPort: UInt16? = nil) {
      self.transport = transport
      self.port = port
      self.endPort = endPort
    }
  }

  public struct Rule: Hashable, Sendable {
    /// Empty: any peer.
    public var peers: [Peer]
    /// Empty: any protocol and port.
    public var ports: [Port]

    public init(peers: [Peer] = [], ports: [Port] = []) {
      self.peers = peers
      self.ports = ports
    }
  }

  public var id: NamespacedName
  public var selector: LabelSelector
  /// nil: the policy does not isolate in this direction. Empty: nothing is allowed.
  public var ingress: [Rule]?
  public var egress: [Rule]?

  public init(id: NamespacedName, selector: LabelSelector, ingress: [Rule]? = nil, egress: [Rule]? = nil) {
    self.id = id
    self.selector = selector
    self.ingress = ingress
    self.egress = egress
  }
}
