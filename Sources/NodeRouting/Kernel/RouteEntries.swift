internal import Addressing
package import Netlink

/// What the kernel must hold for one peer.
package struct RouteEntries: Hashable, Sendable {
  package var neighbours: [Neighbour] = []
  package var forwarding: [ForwardingEntry] = []
  package var routes: [Route] = []

  package init() {}

  /// What the kernel takes for the same route: a second one with this key replaces the first.
  struct RouteKey: Hashable {
    var metric: UInt32
    var destination: Prefix

    init(_ route: Route) {
      metric = route.metric
      destination = route.destination
    }
  }

  struct NeighbourKey: Hashable {
    var interface: Int32
    var address: IPAddress

    init(_ neighbour: Neighbour) {
      interface = neighbour.interface
      address = neighbour.address
    }
  }

  struct ForwardingKey: Hashable {
    var interface: Int32
    var mac: MACAddress

    init(_ entry: ForwardingEntry) {
      interface = entry.interface
      mac = entry.mac
    }
  }
}
