package import Addressing
internal import ClusterModel
internal import Glibc
package import Linux
internal import Netlink

/// Carries pods between nodes by VXLAN, as flannel does: one link, and for each peer a permanent neighbour, a forwarding
/// entry and an onlink route. It owns its link whole and repairs what others change. Not for use by two threads at once.
package final class VXLANRouting {
  package struct Configuration: Sendable {
    /// Name of the link.
    package var link = "swiftlet.1"
    /// VXLAN network identifier and UDP port; flannel's are 1 and 8472.
    package var id: UInt32 = 1
    package var port: UInt16 = 8472
    /// This node's address outside the tunnel.
    package var publicAddress: IPAddress
    /// The tunnel end's Ethernet address: the same for a node for good, so that a restart or a remade link is no news to
    /// its peers.
    package var mac: MACAddress
    /// nil is the caller's own.
    package var namespace: NetworkNamespace?

    package init(nodeName: String, publicAddress: IPAddress, namespace: NetworkNamespace? = nil) {
      self.publicAddress = publicAddress
      self.namespace = namespace
      mac = Self.mac(of: nodeName)
    }

    /// A locally administered unicast address from the FNV-1a hash of the node's name.
    static func mac(of nodeName: String) -> MACAddress {
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in "swiftlet-vxlan/\(nodeName)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      return MACAddress(rawValue: (hash & 0xFCFF_FFFF_FFFF) | 0x0200_0000_0000)
    }
  }

  /// Bytes that IPv4, UDP, VXLAN and the inner Ethernet header add to a packet.
  package static let overhead = 50

  private let configuration: Configuration
  private let socket: RouteSocket
  /// What was programmed last, by node; nil before the first pass and after a failure, when the kernel is asked.
  private var programmed: [String: VXLANPeer]?
  private var interface: Int32 = 0

  package init(_ configuration: Configuration) throws {
    self.configuration = configuration
    socket = try RouteSocket(namespace: configuration.namespace)
  }

  /// What this node's peers must know.
  package var announcement: VXLANAnnouncement {
    VXLANAnnouncement(mac: configuration.mac, publicAddress: configuration.publicAddress, id: configuration.id)
  }

  /// The largest packet pods may send: what the link that has the public address takes, less the tunnel's overhead.
  package func podMTU() throws -> Int { try underlay().mtu - Self.overhead }

  private func underlay() throws -> Link {
    guard let address = try socket.addresses().first(where: { $0.address == configuration.publicAddress }),
      let link = try socket.link(.index(address.interface))
    else {
      throw RoutingError(
        "no link has this node's address \(configuration.publicAddress); VXLAN needs one. "
          + "Give the Node an InternalIP that the machine has")
    }
    return link
  }

  /// Makes the kernel hold what the topology wants. The first call, and the next one after a failure, reads what is there
  /// and changes only what differs; later calls send the difference to the topology before. Returns how many objects
  /// were changed.
  @discardableResult
  package func apply(_ topology: VXLANTopology) throws -> Int {
    guard let ownRange = topology.ownRange else { return 0 }
    guard let programmed else { return try reconcile(topology, ownRange) }
    self.programmed = nil
    var requests: [RouteRequest] = []
    for (node, old) in programmed where topology.peers[node] != old { requests += removal(of: old) }
    for (node, new) in topology.peers where programmed[node] != new { requests += addition(of: new) }
    try socket.perform(requests)
    self.programmed = topology.peers
    return requests.count
  }

  /// Reads what the kernel holds and repairs the difference. Returns how many objects were changed.
  @discardableResult
  package func repair(_ topology: VXLANTopology) throws -> Int {
    guard let ownRange = topology.ownRange else { return 0 }
    programmed = nil
    return try reconcile(topology, ownRange)
  }

  private func reconcile(_ topology: VXLANTopology, _ ownRange: Prefix) throws -> Int {
    var changes = try reconcileLink(ownRange)
    let peers = Array(topology.peers.values)

    // What is not wanted goes first, routes before what they lead to; what is wanted comes the other way round.
    let wantedRoutes = Set(peers.map(route))
    let wantedEntries = Set(peers.map(forwardingEntry))
    let wantedNeighbours = Set(peers.map(neighbour))
    let routes = try socket.routes(family: .v4, interface: interface).filter { $0.protocolNumber == Route.ownProtocol }
    let entries = try socket.forwardingEntries(interface: interface)
    let neighbours = try socket.neighbours(interface: interface, family: .v4)
      .filter { $0.state == Neighbour.permanent }
    var requests: [RouteRequest] = []
    requests += Set(routes).subtracting(wantedRoutes).map { .deleteRoute($0).accepting(ESRCH) }
    requests += Set(entries).subtracting(wantedEntries).map { .deleteForwardingEntry($0).accepting(ENOENT) }
    requests += Set(neighbours).subtracting(wantedNeighbours).map { .deleteNeighbour($0).accepting(ENOENT) }
    requests += wantedNeighbours.subtracting(neighbours).map { .setNeighbour($0) }
    requests += wantedEntries.subtracting(entries).map { .setForwardingEntry($0) }
    requests += wantedRoutes.subtracting(routes).map { .addRoute($0) }
    try socket.perform(requests)
    changes += requests.count
    programmed = topology.peers
    return changes
  }

  /// The link with its address, MTU and identity; one that differs in what cannot be changed is made anew.
  private func reconcileLink(_ ownRange: Prefix) throws -> Int {
    var changes = 0
    let underlay = try underlay()
    let mtu = underlay.mtu - Self.overhead
    let wanted = Link.VXLAN(
      id: configuration.id, port: configuration.port, local: configuration.publicAddress, underlay: underlay.index)
    var found = try socket.link(.name(configuration.link))
    if let link = found, link.kind != "vxlan" || link.vxlan != wanted {
      try socket.perform(.deleteLink(.index(link.index)))
      found = nil
      changes += 1
    }
    if found == nil {
      try socket.perform(
        .addLink(
          .vxlan(wanted), .init(name: configuration.link, mac: configuration.mac, mtu: mtu, isUp: true)))
      found = try socket.link(.name(configuration.link))
      changes += 1
    }
    guard let link = found else {
      throw RoutingError("link \(configuration.link) vanished while it was made")
    }
    interface = link.index
    if link.mtu != mtu || link.mac != configuration.mac || !link.isUp {
      try socket.perform(.setLink(.index(interface), .init(mac: configuration.mac, mtu: mtu, isUp: true)))
      changes += 1
    }
    let own = InterfaceAddress(interface: interface, ownRange.first, prefixLength: 32)
    let addresses = try socket.addresses(interface: interface, family: .v4)
    let isOwn = { (address: InterfaceAddress) in address.address == own.address && address.prefixLength == 32 }
    if !addresses.contains(where: isOwn) {
      try socket.perform(.addAddress(own))
      changes += 1
    }
    // A pod range that was replaced left its address behind. Removed last: an interface without any address loses routes.
    let stale = addresses.filter { !isOwn($0) }
    try socket.perform(stale.map { .deleteAddress($0) })
    return changes + stale.count
  }

  private func addition(of peer: VXLANPeer) -> [RouteRequest] {
    [.setNeighbour(neighbour(peer)), .setForwardingEntry(forwardingEntry(peer)), .addRoute(route(peer))]
  }

  private func removal(of peer: VXLANPeer) -> [RouteRequest] {
    [
      .deleteRoute(route(peer)).accepting(ESRCH), .deleteForwardingEntry(forwardingEntry(peer)).accepting(ENOENT),
      .deleteNeighbour(neighbour(peer)).accepting(ENOENT),
    ]
  }

  private func route(_ peer: VXLANPeer) -> Route {
    Route(peer.podRange, gateway: peer.tunnelAddress, interface: interface, isOnlink: true)
  }

  private func forwardingEntry(_ peer: VXLANPeer) -> ForwardingEntry {
    ForwardingEntry(interface: interface, peer.mac, destination: peer.publicAddress)
  }

  private func neighbour(_ peer: VXLANPeer) -> Neighbour {
    Neighbour(interface: interface, peer.tunnelAddress, mac: peer.mac)
  }

  /// Takes the link, and with it everything on it, away.
  package func remove() throws {
    programmed = nil
    guard let link = try socket.link(.name(configuration.link)) else { return }
    try socket.perform(.deleteLink(.index(link.index)))
  }
}
