internal import ClusterModel
internal import Netlink

extension IPVSBackend {
  func counts(endpoints: Bool) throws -> ServiceCounts? {
    var counts = ServiceCounts()
    for service in try ipvs.services() where held.contains(service.key) {
      guard let transport = TransportProtocol.allCases.first(where: { $0.number == service.key.transport }) else {
        continue
      }
      // A virtual service at an address of the node's own is a NodePort.
      let key =
        isNodeAddress(service.key.address)
        ? FrontendKey.nodePort(service.key.address.family, transport, service.key.port)
        : FrontendKey(service.key.address, transport, service.key.port)
      counts.frontends[key, default: 0] += service.connections
      guard endpoints else { continue }
      for destination in try ipvs.destinations(of: service.key) {
        let target = Target(destination.address, destination.port)
        counts.targets[key, default: [:]][target, default: 0] += destination.connections
      }
    }
    return counts
  }
}
