internal import Addressing
internal import JSON
internal import Netlink

/// What one pod gets and what its node must know of it, by configuration and leased addresses alone.
struct PodPlan {
  /// One address of the pod's.
  struct Address {
    /// On the pod's link: the whole length, or that of the subnet where pods share it.
    let prefixLength: Int
    let address: IPAddress
    /// Where the pod sends what is not on its link.
    let gateway: IPAddress
    /// The node's own address of the range, which it uses towards the pod.
    let nodeAddress: IPAddress
  }

  let mode: WiringMode
  let attachment: NetworkConfiguration.Attachment
  let addresses: [Address]
  let mac: MACAddress
  let hostMAC: MACAddress
  let mtu: Int?
  let alias: String

  init(
    _ configuration: NetworkConfiguration, _ attachment: NetworkConfiguration.Attachment, addresses: [IPAddress]
  ) {
    let wiring = configuration.wiring
    mode = wiring
    self.attachment = attachment
    mac = configuration.runtime.mac ?? PodLink.mac(for: addresses[0])
    hostMAC = PodLink.hostMAC(attachment)
    mtu = configuration.mtu
    alias = PodLink.alias(attachment, configuration.runtime)
    var planned: [Address] = []
    for address in addresses {
      // An address comes from one of the sets, by construction.
      let range = configuration.rangeSets.lazy.compactMap { $0.range(of: address) }.first!
      planned.append(
        Address(
          prefixLength: wiring == .sharedBridge ? range.subnet.length : address.family.bits, address: address,
          gateway: wiring == .routed ? PodLink.gateway(address.family) : range.gateway, nodeAddress: range.gateway))
    }
    self.addresses = planned
  }

  var hasIPv6: Bool { addresses.contains { $0.address.family == .v6 } }
  private var families: [IPFamily] {
    IPFamily.allCases.filter { family in addresses.contains { $0.address.family == family } }
  }

  /// What is set inside the pod, in the order in which the kernel takes it. `interface` is the pod's end.
  func podRequests(interface: Int32) -> [RouteRequest] {
    var requests: [RouteRequest] = [
      .setLink(.name("lo"), .init(isUp: true)), .setLink(.index(interface), .init(isUp: true)),
    ]
    for item in addresses {
      requests.append(
        .addAddress(InterfaceAddress(interface: interface, item.address, prefixLength: item.prefixLength)))
    }
    for item in addresses {
      // With the whole length nothing says where the gateway is; a link-local one is on the link by itself.
      if mode == .bridge || mode == .routed && item.address.family == .v4 {
        requests.append(.addRoute(Route(Prefix(host: item.gateway), interface: interface, protocolNumber: 4)))
      }
      requests.append(
        .addRoute(
          Route(anywhere(item.address.family), gateway: item.gateway, interface: interface, protocolNumber: 4)))
    }
    return requests
  }

  /// What the node is told of a pod that is there. `interface` is the node's end, `bridge` the bridge.
  func hostRequests(interface: Int32, bridge: Int32) -> [RouteRequest] {
    // The alias first: DEL finds the link by it.
    var requests: [RouteRequest] = [.setLink(.index(interface), .init(alias: alias))]
    if mode.isBridged {
      // Where br_netfilter is on, a Service is translated while the packet is still on the bridge, and a pod that is its
      // own backend gets it back by the port it came from.
      requests.append(.setBridgePort(interface, hairpin: true))
    } else {
      for family in families {
        requests.append(
          .addAddress(
            InterfaceAddress(
              interface: interface, PodLink.gateway(family), prefixLength: family == .v4 ? 32 : 64,
              scope: PodLink.linkScope, protocolNumber: Route.ownProtocol)))
      }
      for item in addresses {
        requests.append(
          .addRoute(
            Route(
              Prefix(host: item.address), interface: interface, preferredSource: item.nodeAddress,
              protocolNumber: PodLink.routeProtocol)))
      }
    }
    // No entry of a pod that had the address before survives.
    let link = mode.isBridged ? bridge : interface
    return requests + addresses.map { .setNeighbour(Neighbour(interface: link, $0.address, mac: mac)) }
  }

  /// What ADD answers. `bridge` and `inside` are the links as they are; `hostName` is the node's end.
  func result(bridge: Link, hostName: String, inside: Link, sandbox: String, dns: JSON) -> CNIResult {
    var interfaces: [CNIResult.Interface] = [
      .init(name: hostName, mac: hostMAC, mtu: mtu ?? inside.mtu),
      .init(name: inside.name, mac: mac, mtu: mtu ?? inside.mtu, sandbox: sandbox),
    ]
    if mode.isBridged { interfaces.insert(.init(name: bridge.name, mac: bridge.mac, mtu: bridge.mtu), at: 0) }
    return CNIResult(
      interfaces: interfaces,
      addresses: addresses.map {
        .init($0.address, prefixLength: $0.prefixLength, gateway: $0.gateway, interface: interfaces.count - 1)
      },
      routes: addresses.map { .init(anywhere($0.address.family), gateway: $0.gateway) }, dns: dns)
  }
}

/// 0.0.0.0/0 or ::/0.
func anywhere(_ family: IPFamily) -> Prefix { Prefix(IPAddress(family, number: 0), length: 0) }
