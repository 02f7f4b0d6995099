internal import Addressing
package import JSON
internal import Linux
package import Netlink

extension WireGuardRouting {
  /// What other threads read.
  struct Shared {
    var interface: Int32 = 0
    var mtu = 0
    /// The link with the node's address.
    var underlay: Link?
    var addresses: Set<IPAddress> = []
    var routes: Set<Route> = []
    var nodes: [WireGuardPublicKey: String] = [:]
  }

  /// flannel's annotations where it can use them, and ours. flannel carries each family by a link of its own; of this node
  /// it is told the one that its peers send to.
  package var announcement: [String: String] {
    guard let keys, let own else { return [:] }
    let announcement = WireGuardAnnouncement(
      port: configuration.port, publicKey: keys.current.publicKey, nextKey: keys.next?.publicKey)
    let isIPv6 = own.underlay(.v4) == nil
    return [
      RouteAnnotation.wireguard: announcement.text,
      RouteAnnotation.flannelType: RoutingMode.wireguard.flannelType,
      isIPv6 ? RouteAnnotation.flannelData6 : RouteAnnotation.flannelData: announcement.flannelText,
    ]
  }

  package func concerns(_ event: RouteEvent) -> Bool {
    shared.withLock { shared in
      if shared.interface == 0 { return false }
      return switch event {
      case .lost: true
      case .link(let link):
        link.index == shared.interface
          ? link.mtu != shared.mtu || !link.isUp || link.name != Self.link
          : link.index == shared.underlay?.index && link.mtu != shared.underlay?.mtu
      case .linkRemoved(let link): link.index == shared.interface || link.index == shared.underlay?.index
      case .address(let address):
        address.interface == shared.interface && address.scope == 0 && !shared.addresses.contains(address.address)
      case .addressRemoved(let address):
        address.interface == shared.interface && shared.addresses.contains(address.address)
      case .routeRemoved(let route): shared.routes.contains(route)
      default: false
      }
    }
  }

  /// `{"link":…,"port":…,"publicKey":…,"peers":{NODE:{"publicKey":…,"endpoint":…,"lastHandshake":…,…}}}`; times in seconds
  /// since the epoch, 0 for never.
  package var status: JSON {
    let (interface, nodes) = shared.withLock { ($0.interface, $0.nodes) }
    guard interface != 0, let socket = try? WireGuardSocket(namespace: configuration.namespace),
      let device = try? socket.device(interface)
    else { return [:] }
    var peers = JSON.Object()
    for peer in device.peers {
      // A next key that nobody uses yet is no way to anywhere.
      guard let node = nodes[peer.publicKey], !peer.allowed.isEmpty else { continue }
      peers[node] = [
        "publicKey": .string(peer.publicKey.base64), "endpoint": .string(peer.endpoint?.description ?? ""),
        "lastHandshake": .int(peer.lastHandshake), "receivedBytes": .int(Int64(clamping: peer.receivedBytes)),
        "sentBytes": .int(Int64(clamping: peer.sentBytes)),
      ]
    }
    return [
      "link": .string(Self.link), "port": .int(Int64(device.port)),
      "publicKey": .string(device.publicKey?.base64 ?? ""), "peers": .object(peers),
    ]
  }

  /// The link as it has to be, for `concerns`.
  func publish(_ underlay: Link) {
    let addresses = Set(IPFamily.allCases.compactMap { own?.podRanges($0).first?.first })
    shared.withLock { shared in
      shared.interface = interface
      shared.mtu = plan?.mtu ?? 0
      shared.underlay = underlay
      shared.addresses = addresses
    }
  }

  /// Routes and peers as they have to be, for `concerns` and `status`.
  func remember() {
    var routes: Set<Route> = []
    var nodes: [WireGuardPublicKey: String] = [:]
    for (node, one) in programmed {
      for key in one.peer.keys { nodes[key] = node }
      if one.isRouted {
        routes.formUnion(one.peer.podRanges.map { Route($0, interface: interface, mtu: one.peer.mtu) })
      }
    }
    shared.withLock { shared in
      shared.routes = routes
      shared.nodes = nodes
    }
  }
}
