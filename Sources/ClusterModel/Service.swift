public import Addressing

/// A Service, as proxies and DNS see it.
public struct Service: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    case loadBalancer = "LoadBalancer"
    case externalName = "ExternalName"
  }

  public struct Port: Hashable, Sendable {
    /// Empty where a Service with one port gives it no name.
    public var name: String
    public var transport: TransportProtocol
    public var port: UInt16
    public var target: PortReference
    public var nodePort: UInt16?

    public init(
      name: String = "", transport: TransportProtocol = .tcp, port: UInt16, target: PortReference? = nil,
      nodePort: UInt16? = nil
    ) {
      self.name = name
      self.transport = transport
      self.port = port
      self.target = target ?? .number(port)
      self.nodePort = nodePort
    }
  }

  public var id: NamespacedName
  public var kind = Kind.clusterIP
  /// `spec.clusterIPs`; empty for headless Services and ExternalName.
  public var clusterAddresses: [IPAddress] = []
  /// `spec.clusterIP` is "None".
  public var isHeadless = false
  public var externalName: String?
  public var ports: [Port] = []
  public var labels: [String: String] = [:]
  public var selector: [String: String] = [:]
  public var externalAddresses: [IPAddress] = []
  /// `status.loadBalancer.ingress[].ip` whose ipMode is not Proxy.
  public var loadBalancerAddresses: [IPAddress] = []
  public var sourceRanges: [Prefix] = []
  /// `sessionAffinity: ClientIP` with its timeout in seconds; nil for none.
  public var affinityTimeout: Int?
  public var isInternalTrafficLocal = false
  public var isExternalTrafficLocal = false
  public var publishNotReadyAddresses = false

  public init(id: NamespacedName) { self.id = id }
}
