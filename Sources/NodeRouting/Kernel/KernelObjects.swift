internal import Addressing
internal import Netlink

/// What the kernel is to hold, by the keys by which it tells entries apart, and for which peer.
struct KernelObjects {
  var routes: [RouteEntries.RouteKey: Route] = [:]
  var neighbours: [RouteEntries.NeighbourKey: Neighbour] = [:]
  var forwarding: [RouteEntries.ForwardingKey: ForwardingEntry] = [:]
  /// Peers with their ways, for status.
  var plans: [String: PeerCompiler.Plan] = [:]
  var entries: [String: RouteEntries] = [:]
  /// Links of ours, and those below them, as they have to be; by index.
  var links: [Int32: LinkState] = [:]
  /// This node's addresses outside tunnels, and those of its tunnel links.
  var addresses: Set<IPAddress> = []

  struct LinkState: Hashable {
    var name: String
    var mtu: Int
    var mac: MACAddress?
    var isUp: Bool

    init(_ link: Link) {
      name = link.name
      mtu = link.mtu
      mac = link.mac
      isUp = link.isUp
    }
  }

  mutating func insert(_ entries: RouteEntries) {
    for route in entries.routes { routes[.init(route)] = route }
    for neighbour in entries.neighbours { neighbours[.init(neighbour)] = neighbour }
    for entry in entries.forwarding { forwarding[.init(entry)] = entry }
  }

  /// Takes entries out, where they are not another's by now.
  mutating func remove(_ entries: RouteEntries) {
    for route in entries.routes where routes[.init(route)] == route { routes[.init(route)] = nil }
    for neighbour in entries.neighbours where neighbours[.init(neighbour)] == neighbour {
      neighbours[.init(neighbour)] = nil
    }
    for entry in entries.forwarding where forwarding[.init(entry)] == entry { forwarding[.init(entry)] = nil }
  }

  /// Whether an event says that someone else changed what is to be so.
  func differs(_ event: RouteEvent) -> Bool {
    switch event {
    case .lost: return true
    case .route(let route):
      guard route.table == Route.mainTable, let wanted = routes[.init(route)] else { return false }
      return wanted != route.comparable
    case .routeRemoved(let route):
      return route.table == Route.mainTable && routes[.init(route)] == route.comparable
    case .neighbour(let neighbour): return neighbours[.init(neighbour)].map { $0 != neighbour } ?? false
    case .neighbourRemoved(let neighbour): return neighbours[.init(neighbour)] != nil
    case .forwardingEntry(let entry):
      // Older kernels (seen on 6.1) tell of each entry twice, the second time without where it leads.
      guard entry.destination != nil else { return false }
      return forwarding[.init(entry)].map { $0 != entry } ?? false
    case .forwardingEntryRemoved(let entry): return forwarding[.init(entry)] == entry
    case .link(let link): return links[link.index].map { $0 != LinkState(link) } ?? false
    case .linkRemoved(let link): return links[link.index] != nil
    case .address(let address):
      // Which nodes are neighbours depends on our addresses; those of pods and tunnels do not matter.
      return address.scope == 0 && links[address.interface] != nil && !addresses.contains(address.address)
    case .addressRemoved(let address): return address.scope == 0 && addresses.contains(address.address)
    case .rule, .ruleRemoved: return false
    }
  }
}

extension Route {
  /// As we ask for it: the kernel names the loopback for IPv6 routes that lead nowhere.
  var comparable: Route {
    guard kind != .unicast else { return self }
    var route = self
    route.interface = nil
    return route
  }
}
