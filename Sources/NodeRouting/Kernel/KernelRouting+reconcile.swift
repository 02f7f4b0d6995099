internal import Addressing
internal import Glibc
internal import Netlink

extension KernelRouting {
  /// The routes that are ours to delete: of our protocol number, into one of our links, through a gateway, or leading
  /// nowhere. Those of pods and Services, which other rooms make, are on links and have no gateway.
  func ownedRoutes() throws -> [Route] {
    let links = Set(interfaces.values)
    return try socket.routes(protocolNumber: Route.ownProtocol).filter { route in
      switch route.kind {
      case .blackhole: true
      case .unicast: route.gateway != nil || route.interface.map { links.contains($0) } == true
      default: false
      }
    }
  }

  /// Reads what the kernel holds and repairs the difference to `wanted`. What is there for ranges in `keeping` stays.
  func reconcileEntries(keeping: Set<Prefix>) throws -> Int {
    let (wantedRoutes, wantedNeighbours, wantedForwarding) = wanted.withLock {
      (Set($0.routes.values), Set($0.neighbours.values), Set($0.forwarding.values))
    }
    let routes = Set(try ownedRoutes().map(\.comparable))
    var neighbours: Set<Neighbour> = []
    var forwarding: Set<ForwardingEntry> = []
    for (link, index) in interfaces where link != .ipip {
      neighbours.formUnion(
        try socket.neighbours(interface: index).filter { $0.state & Neighbour.permanent != 0 && $0.mac != nil })
      forwarding.formUnion(try socket.forwardingEntries(interface: index))
    }
    let kept = routes.filter { keeping.contains($0.destination) }
    let keptGateways = Set(kept.compactMap(\.gateway))
    let keptMACs = Set(neighbours.filter { keptGateways.contains($0.address) }.compactMap(\.mac))

    let routeKeys = Set(wantedRoutes.map(RouteEntries.RouteKey.init))
    let neighbourKeys = Set(wantedNeighbours.map(RouteEntries.NeighbourKey.init))
    let forwardingKeys = Set(wantedForwarding.map(RouteEntries.ForwardingKey.init))
    var requests: [RouteRequest] = []
    // What packets need before what leads to it. A route that another one replaces is never missing in between.
    requests += wantedNeighbours.subtracting(neighbours).map { .setNeighbour($0) }
    requests += wantedForwarding.subtracting(forwarding).map { .setForwardingEntry($0) }
    requests += wantedRoutes.subtracting(routes).map { .addRoute($0) }
    for route in routes where !routeKeys.contains(.init(route)) && !kept.contains(route) {
      requests.append(.deleteRoute(route).accepting(ESRCH))
    }
    for entry in forwarding where !forwardingKeys.contains(.init(entry)) && !keptMACs.contains(entry.mac) {
      requests.append(.deleteForwardingEntry(entry).accepting(ENOENT))
    }
    for neighbour in neighbours
    where !neighbourKeys.contains(.init(neighbour)) && !keptGateways.contains(neighbour.address) {
      requests.append(.deleteNeighbour(neighbour).accepting(ENOENT))
    }
    try socket.perform(requests)
    return requests.count
  }
}
