package import Addressing

/// An EndpointSlice (discovery.k8s.io/v1) of address type IPv4 or IPv6.
package struct EndpointSlice: Hashable, Sendable {
  /// A port of all endpoints of the slice (EndpointPort of discovery/v1).
  package struct Port: Hashable, Sendable {
    package var name: String
    package var transport: TransportProtocol
    package var port: UInt16

    package init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16) {
      self.name = name
      self.transport = transport
      self.port = port
    }
  }

  package var id: NamespacedName
  /// Label `kubernetes.io/service-name` in the slice's namespace.
  package var service: NamespacedName
  package var family: IPFamily
  package var ports: [Port] = []
  package var endpoints: [Endpoint] = []
  /// Label `service.kubernetes.io/headless`: for name servers, not for proxies.
  package var isHeadless = false
  /// Annotation `endpoints.kubernetes.io/last-change-trigger-time`: when what this version tells of happened, to pods or to
  /// the Service; in nanoseconds since 1970, nil where its controller does not say.
  package var changeTriggered: Int64?

  package init(id: NamespacedName, service: NamespacedName, family: IPFamily = .v4) {
    self.id = id
    self.service = service
    self.family = family
  }
}

/// A Service together with its slices: what a proxy or a name server compiles.
package struct ServiceWithEndpoints: Hashable, Sendable {
  package var service: Service
  package var slices: [EndpointSlice]

  package init(service: Service, slices: [EndpointSlice]) {
    self.service = service
    self.slices = slices
  }

  /// One address and port that can receive a Service port's traffic.
  package struct Backend: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16
    package var endpoint: EndpointSlice.Endpoint

    package init(address: IPAddress, port: UInt16, endpoint: EndpointSlice.Endpoint) {
      self.address = address
      self.port = port
      self.endpoint = endpoint
    }
  }

  /// The backends of a port in one family, whatever their conditions, ordered by address and port. Slice ports match by
  /// name and protocol, only the first address of an endpoint counts (EndpointSlice API), and of an address that is
  /// listed twice the endpoint that is not terminating wins.
  package func backends(of port: Service.Port, family: IPFamily) -> [Backend] {
    struct Key: Hashable {
      var address: IPAddress
      var port: UInt16
    }
    var found: [Key: Backend] = [:]
    for slice in slices where slice.family == family {
      for slicePort in slice.ports where slicePort.name == port.name && slicePort.transport == port.transport {
        for endpoint in slice.endpoints {
          let key = Key(address: endpoint.address, port: slicePort.port)
          if let other = found[key], !other.endpoint.isTerminating || endpoint.isTerminating { continue }
          found[key] = Backend(address: endpoint.address, port: slicePort.port, endpoint: endpoint)
        }
      }
    }
    return found.values.sorted { ($0.address, $0.port) < ($1.address, $1.port) }
  }
}
