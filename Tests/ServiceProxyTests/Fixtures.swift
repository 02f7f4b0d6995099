import Addressing
import ClusterModel
import ServiceProxy

/// Builds Services and endpoints in a line.
enum Fixture {
  static func service(
    _ name: String, _ addresses: [String], ports: [Service.Port] = [Service.Port(port: 80, target: .number(8080))],
    endpoints: [EndpointSlice.Endpoint] = [], targetPort: UInt16 = 8080
  ) -> ServiceWithEndpoints {
    var service = Service(id: NamespacedName("default", name))
    service.clusterAddresses = addresses.map { IPAddress($0)! }
    service.ports = ports
    let slices = IPFamily.allCases.compactMap { family -> EndpointSlice? in
      var slice = EndpointSlice(
        id: NamespacedName("default", "\(name)-\(family.name)"), service: service.id, family: family)
      slice.ports = ports.map {
        EndpointSlice.Port(name: $0.name, transport: $0.transport, port: targetPort)
      }
      slice.endpoints = endpoints.filter { $0.address.family == family }
      return slice.endpoints.isEmpty ? nil : slice
    }
    return ServiceWithEndpoints(service: service, slices: slices)
  }

  static func endpoint(
    _ address: String, ready: Bool = true, serving: Bool = true, terminating: Bool = false, node: String? = nil
  ) -> EndpointSlice.Endpoint {
    var endpoint = EndpointSlice.Endpoint(IPAddress(address)!)
    (endpoint.isReady, endpoint.isServing, endpoint.isTerminating) = (ready, serving, terminating)
    endpoint.node = node
    return endpoint
  }

  static func target(_ address: String, _ port: UInt16 = 8080) -> Target { Target(IPAddress(address)!, port) }

  static func key(_ address: String, _ transport: TransportProtocol = .tcp, _ port: UInt16 = 80) -> FrontendKey {
    FrontendKey(IPAddress(address)!, transport, port)
  }
}
