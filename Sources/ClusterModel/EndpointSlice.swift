public import Addressing

/// An EndpointSlice (discovery.k8s.io/v1) of address type IPv4 or IPv6.
public struct EndpointSlice: Hashable, Sendable {
  public struct Port: Hashable, Sendable {
    public var name: String
    public var transport: TransportProtocol
    public var port: UInt16

    public init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16) {
      self.name = name
      self.transport = transport
      self.port = port
    }
  }

  public struct Endpoint: Hashable, Sendable {
    public var addresses: [IPAddress]
    /// `conditions.ready`, nil counting as true.
    public var isReady = true
    /// `conditions.serving`, nil counting as ready.
    public var isServing = true
    public var isTerminating = false
    public var hostname: String?
    public var node: String?
    public var zone: String?
    /// `targetRef` of kind Pod.
    public var pod: NamespacedName?

    public init(addresses: [IPAddress]) { self.addresses = addresses }
  }

  public var id: NamespacedName
  /// Label `kubernetes.io/service-name` in the slice's namespace.
  public var service: NamespacedName
  public var family: IPFamily
  public var ports: [Port] = []
  public var endpoints: [Endpoint] = []

  public init(id: NamespacedName, service: NamespacedName, family: IPFamily = .v4) {
    self.id = id
    self.service = service
    self.family = family
  }
}

/// A Service together with its slices: what a proxy or a name server compiles.
public struct ServiceWithEndpoints: Hashable, Sendable {
  public var service: Service
  public var slices: [EndpointSlice]

  public init(service: Service, slices: [EndpointSlice]) {
    self.service = service
    self.slices = slices
  }

  /// One address and port that can receive a Service port's traffic.
  public struct Backend: Hashable, Sendable {
    public var address: IPAddress
    public var port: UInt16
    public var endpoint: EndpointSlice.Endpoint

    public init(address: IPAddress, port: UInt16, endpoint: EndpointSlice.Endpoint) {
      self.address = address
      self.port = port
      self.endpoint = endpoint
    }
  }

  /// The backends of a port in one family, whatever their conditions, ordered by address and port. Slice ports match by
  /// name and protocol, only the first address of an endpoint counts (EndpointSlice API), and of an address that is
  /// listed twice the endpoint that is not terminating wins.
  public func backends(of port: Service.Port, family: IPFamily) -> [Backend] {
    struct Key: Hashable {
      var address: IPAddress
      var port: UInt16
    }
    var found: [Key: Backend] = [:]
    for slice in slices where slice.family == family {
      for slicePort in slice.ports where slicePort.name == port.name && slicePort.transport == port.transport {
        for endpoint in slice.endpoints {
          guard let address = endpoint.addresses.first else { continue }
          let key = Key(address: address, port: slicePort.port)
          if let other = found[key], !other.endpoint.isTerminating || endpoint.isTerminating { continue }
          found[key] = Backend(address: address, port: slicePort.port, endpoint: endpoint)
        }
      }
    }
    return found.values.sorted { ($0.address, $0.port) < ($1.address, $1.port) }
  }
}
