internal import Addressing
internal import ClusterModel
internal import Netlink

/// Virtual services and destinations as they come and go.
extension IPVSBackend {
  func put(_ service: IPVSService, found: IPVSService?, _ model: inout ServiceModel) throws {
    held.insert(service.key)
    if let found {
      if found.isSame(as: service) { return }
      try ipvs.set(service)
    } else {
      try ipvs.add(service)
    }
    model.statistics.elements += 1
  }

  /// Makes a virtual service have these destinations. Those that come are there before those that go leave, so that there
  /// is one at every moment. One that goes takes no new connections from now on, and stays until those it has end; UDP has
  /// no end, so there it goes at once.
  func put(
    _ targets: [Target], _ key: IPVSService.Key, _ found: [IPVSDestination], _ model: inout ServiceModel
  ) throws {
    let wanted = Set(targets)
    let known = Dictionary(found.map { (Target($0.address, $0.port), $0) }) { first, _ in first }
    for target in targets {
      draining[key]?.remove(target)
      let destination = IPVSDestination(target.address, port: target.port)
      guard let old = known[target] else {
        try ipvs.add(destination, to: key)
        model.statistics.elements += 1
        continue
      }
      if old.weight == 1 { continue }
      try ipvs.set(destination, of: key)
      model.statistics.elements += 1
    }
    for (target, destination) in known where !wanted.contains(target) {
      if key.transport != TransportProtocol.udp.number, destination.active + destination.inactive > 0 {
        draining[key, default: []].insert(target)
        if destination.weight == 0 { continue }
        try ipvs.set(IPVSDestination(target.address, port: target.port, weight: 0), of: key)
      } else {
        draining[key]?.remove(target)
        try ipvs.delete(destination, from: key)
      }
      model.statistics.elements += 1
    }
  }

  func remove(_ key: IPVSService.Key, _ model: inout ServiceModel) throws {
    held.remove(key)
    draining[key] = nil
    try ipvs.delete(key)
    model.statistics.elements += 1
  }

  /// Also lets destinations go whose last connection has ended.
  func isIntact() throws -> Bool {
    for (key, targets) in draining {
      for destination in try ipvs.destinations(of: key) where destination.active + destination.inactive == 0 {
        let target = Target(destination.address, destination.port)
        guard targets.contains(target), destination.weight == 0 else { continue }
        try ipvs.delete(destination, from: key)
        draining[key]?.remove(target)
      }
      if draining[key]?.isEmpty == true { draining[key] = nil }
    }
    guard try routes.link(.name(Self.link)) != nil else { return false }
    return held.isSubset(of: Set(try ipvs.services().map(\.key)))
  }

  func remove() throws {
    guard try filter.signature(of: IPVSLayout.table) != nil else { return }
    _ = try Self.removeAll(ipvs, routes)
    var batch = NFTablesBatch()
    batch.ensureAbsent(IPVSLayout.table)
    try filter.commit(batch)
  }

  /// Takes the dummy link away, and the virtual services at its addresses and at the node's.
  /// Returns how many there were.
  static func removeAll(_ ipvs: IPVSSocket, _ routes: RouteSocket) throws -> Int {
    let own = Set(try routes.addresses().map(\.address))
    if let link = try routes.link(.name(Self.link)) { try routes.perform(RouteRequest.deleteLink(.index(link.index))) }
    let services = try ipvs.services().filter { own.contains($0.key.address) }
    for service in services { try ipvs.delete(service.key) }
    return services.count
  }
}
