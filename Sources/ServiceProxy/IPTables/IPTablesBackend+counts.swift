internal import Addressing
internal import ClusterModel

extension IPTablesBackend {
  /// Asked for by people alone, not by each scrape of the metrics: reading the rules takes as long as writing them. Clients
  /// that are remembered are those of the last connections, also when their time has passed.
  func counts(endpoints: Bool) throws -> ServiceCounts? {
    guard endpoints else { return nil }
    var counts = ServiceCounts()
    for family in isUsed {
      let found = IPTablesCounts(try program.readCounters(family), family)
      counts.frontends.merge(found.frontends) { $0 + $1 }
      for (key, endpoints) in found.endpoints {
        for endpoint in endpoints {
          counts.targets[key, default: [:]][endpoint.target, default: 0] += endpoint.packets
          guard let list = endpoint.list else { continue }
          counts.remembered += IPTablesCounts.clients(program.recentList(list)).map {
            .init(frontend: key, target: endpoint.target, client: $0)
          }
        }
      }
    }
    return counts
  }
}
