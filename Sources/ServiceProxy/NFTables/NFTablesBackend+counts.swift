internal import Addressing
internal import ClusterModel
internal import Netlink

extension NFTablesBackend {
  func counts(endpoints: Bool) throws -> ServiceCounts? {
    var counts = ServiceCounts()
    for family in IPFamily.allCases {
      for kind in [ServicesLayout.SetKind.frontends, .outside, .nodePorts, .outsideNodePorts] {
        let set = ServicesLayout.SetID(kind, family)
        for (element, packets) in try socket.countedElements(of: set.name, in: ServicesLayout.table) {
          let isNodePort = kind == .nodePorts || kind == .outsideNodePorts
          guard let key = ServicesLayout.frontend(element.key, family, nodePort: isNodePort) else { continue }
          counts.frontends[key, default: 0] += packets ?? 0
        }
      }
      guard endpoints else { continue }
      for kind in [ServicesLayout.SetKind.slots, .nodePortSlots] {
        let set = ServicesLayout.SetID(kind, family)
        for (element, packets) in try socket.countedElements(of: set.name, in: ServicesLayout.table) {
          guard let (key, _, target) = ServicesLayout.slot(element, set) else { continue }
          counts.targets[key, default: [:]][target, default: 0] += packets ?? 0
        }
      }
      for isNodePort in [false, true] {
        let set = ServicesLayout.affinitySet(family, nodePort: isNodePort)
        for element in try socket.elements(of: set, in: ServicesLayout.table) {
          guard let (key, target) = ServicesLayout.remembered(element, family, nodePort: isNodePort),
            let client = IPAddress(bytes: Array(element.key.prefix(family.bits / 8)))
          else { continue }
          counts.remembered.append(.init(frontend: key, target: target, client: client))
        }
      }
    }
    return counts
  }
}
