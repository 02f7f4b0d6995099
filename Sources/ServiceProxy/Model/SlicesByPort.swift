internal import ClusterModel

/// The slices of a Service as one of its ports sees them. Looking through all ports of all slices for each port of the
/// Service takes the square of their number: nothing for two ports, a minute for ten thousand.
struct SlicesByPort {
  private struct Name: Hashable {
    var name: String
    var transport: TransportProtocol
  }

  /// Beyond so many ports slices are sorted first.
  private static let few = 16

  private let input: ServiceWithEndpoints
  /// For each port the slices that have it, with that port alone; nil where looking through them is less work.
  private var parts: [Name: [EndpointSlice]]?

  init(_ input: ServiceWithEndpoints) {
    self.input = input
    if input.service.ports.count <= Self.few { return }
    var parts: [Name: [EndpointSlice]] = [:]
    for slice in input.slices {
      var part = slice
      for port in slice.ports {
        part.ports = [port]
        parts[Name(name: port.name, transport: port.transport), default: []].append(part)
      }
    }
    self.parts = parts
  }

  /// The Service, with the slices that say something of a port of it.
  subscript(port: Service.Port) -> ServiceWithEndpoints {
    guard let parts else { return input }
    return ServiceWithEndpoints(
      service: input.service, slices: parts[Name(name: port.name, transport: port.transport)] ?? [])
  }
}
