internal import ClusterModel
internal import Linux
internal import Netlink

extension IPVSBackend {
  func counts(endpoints: Bool) throws -> ServiceCounts? {
    var counts = ServiceCounts()
    for service in try ipvs.services() where held.contains(service.key) {
      guard let key = frontend(of: service.key) else { continue }
      counts.frontends[key, default: 0] += service.connections
      guard endpoints else { continue }
      for destination in try ipvs.destinations(of: service.key) {
        let target = Target(destination.address, destination.port)
        counts.targets[key, default: [:]][target, default: 0] += destination.connections
      }
    }
    if endpoints { counts.remembered = remembered() }
    return counts
  }

  /// A virtual service at an address of the node's own is a NodePort.
  private func frontend(of key: IPVSService.Key) -> FrontendKey? {
    guard let transport = TransportProtocol.allCases.first(where: { $0.number == key.transport }) else { return nil }
    return isNodeAddress(key.address)
      ? .nodePort(key.address.family, transport, key.port) : FrontendKey(key.address, transport, key.port)
  }

  private func remembered() -> [ServiceCounts.Remembered] {
    // /proc/net is that of the process that looks.
    let result = try? ChildProcess.run(
      ["grep", " 0000 ", "/proc/net/ip_vs_conn"], namespace: namespace, limit: 1 << 28, timeout: 10)
    return IPVSConnections.remembered(result?.output ?? "").compactMap { entry in
      guard held.contains(entry.service), let key = frontend(of: entry.service) else { return nil }
      return .init(frontend: key, target: entry.target, client: entry.client)
    }
  }
}
