package import Addressing
internal import CLinux
internal import Glibc
package import Linux
package import Netlink

/// Connects one pod with its node: a veth from the bridge into the pod's namespace. The pod holds its addresses alone
/// (/32, /128) and sends everything through the gateway, so that also packets to pods of the same node are routed, and
/// seen by the node's rules, without br_netfilter.
package struct PodWiring {
  package typealias Attachment = NetworkConfiguration.Attachment

  package let configuration: NetworkConfiguration
  let host: RouteSocket
  let bridge: NodeBridge

  /// - Parameter node: the node's namespace; nil is the caller's own.
  package init(_ configuration: NetworkConfiguration, node: NetworkNamespace? = nil) throws {
    self.configuration = configuration
    host = try RouteSocket(namespace: node)
    bridge = NodeBridge(configuration.bridge, routes: host, namespace: node)
  }

  /// Makes and configures both ends. On failure nothing of the pod's is left.
  package func connect(
    _ attachment: Attachment, addresses: [IPAddress], pod: NetworkNamespace, podRoutes: RouteSocket, sandbox: String
  ) throws -> CNIResult {
    let name = attachment.interfaceName
    let bridgeLink = try bridge.ensure(configuration)
    let mac = configuration.runtime.mac ?? PodLink.mac(for: addresses[0])
    let hostMAC = PodLink.hostMAC(attachment)
    let mtu = configuration.mtu
    try host.perform(bridge.requests(configuration, index: bridgeLink.index))
    let hostName = try addLink(attachment, mac: mac, hostMAC: hostMAC, bridge: bridgeLink.index, pod: pod)
    do {
      guard let inside = try podRoutes.link(.name(name)) else {
        throw CNIError(.wiring, "interface \(name) vanished from \(sandbox) while it was being set up")
      }
      try configure(inside.index, name, addresses, pod: pod, podRoutes: podRoutes)
      // Where br_netfilter is on for all bridges (as kubeadm asks), a Service is translated while the packet is still on
      // the bridge, and a pod that is its own backend gets it back by the port it came from.
      let hairpin = inside.peer.map { [RouteRequest.setBridgePort($0, hairpin: true)] } ?? []
      try host.perform(
        // The alias first: DEL finds the link by it. No entry of a pod that had the address before survives.
        [.setLink(.name(hostName), .init(alias: PodLink.alias(attachment, configuration.runtime)))]
          + hairpin + addresses.map { .setNeighbour(Neighbour(interface: bridgeLink.index, $0, mac: mac)) })
      return CNIResult(
        interfaces: [
          .init(name: configuration.bridge, mac: bridgeLink.mac, mtu: bridgeLink.mtu),
          .init(name: hostName, mac: hostMAC, mtu: mtu ?? inside.mtu),
          .init(name: name, mac: mac, mtu: mtu ?? inside.mtu, sandbox: sandbox),
        ],
        addresses: addresses.map {
          .init($0, prefixLength: $0.family.bits, gateway: gateway(for: $0), interface: 2)
        },
        routes: addresses.map { .init(anywhere($0.family), gateway: gateway(for: $0)) },
        dns: configuration.dns)
    } catch {
      try? host.perform(.deleteLink(.name(hostName)))
      throw error
    }
  }

  /// Takes a pod's link and neighbour entries away; nothing there is success. The pod's namespace is not needed: the end
  /// inside goes with ours.
  package func disconnect(_ attachment: Attachment, addresses: [IPAddress]) throws {
    if let link = try hostLink(of: attachment) {
      try host.perform(.deleteLink(.index(link.index)).accepting(ENODEV))
    }
    try forget(addresses)
  }

  /// Takes away the links of all attachments that are not in the list.
  package func disconnect(allBut valid: Set<Attachment>) throws {
    guard let index = try bridge.link()?.index else { return }
    let stale = try host.links(master: index).filter { link in
      link.alias.flatMap(PodLink.attachment).map { !valid.contains($0) } ?? false
    }
    try host.perform(stale.map { .deleteLink(.index($0.index)).accepting(ENODEV) })
  }

  /// Removes the neighbour entries of addresses that nobody has any more.
  package func forget(_ addresses: [IPAddress]) throws {
    guard !addresses.isEmpty, let index = try bridge.link()?.index else { return }
    try host.perform(
      addresses.map { .deleteNeighbour(Neighbour(interface: index, $0, mac: nil)).accepting(ENOENT, EINVAL) })
  }

  /// The host's end of an attachment.
  func hostLink(of attachment: Attachment) throws -> Link? {
    for attempt in 0..<PodLink.attempts {
      guard let link = try host.link(.name(PodLink.hostName(attachment, attempt: attempt))) else { return nil }
      if PodLink.isAlias(link.alias, of: attachment) { return link }
    }
    return nil
  }

  private func addLink(
    _ attachment: Attachment, mac: MACAddress, hostMAC: MACAddress, bridge: Int32, pod: NetworkNamespace
  ) throws -> String {
    var attempt = 0
    while true {
      let name = PodLink.hostName(attachment, attempt: attempt)
      do {
        try host.perform(
          .addLink(
            .veth(peer: .init(name: attachment.interfaceName, mac: mac, mtu: configuration.mtu), in: pod),
            .init(name: name, mac: hostMAC, mtu: configuration.mtu, master: bridge, isUp: true)))
        return name
      } catch let error as NetlinkError where error.code == EEXIST && attempt < PodLink.attempts {
        // Either an earlier ADD of this very attachment left it, or another container's has the same name.
        if let link = try host.link(.name(name)), PodLink.isAlias(link.alias, of: attachment) {
          try host.perform(.deleteLink(.index(link.index)).accepting(ENODEV))
        } else {
          attempt += 1
        }
      }
    }
  }

  private func configure(
    _ index: Int32, _ name: String, _ addresses: [IPAddress], pod: NetworkNamespace, podRoutes: RouteSocket
  ) throws {
    if addresses.contains(where: { $0.family == .v6 }) {
      // Router advertisements of other pods are no business of this one's.
      for (setting, value) in [("disable_ipv6", "0"), ("accept_ra", "0"), ("accept_dad", "0")] {
        try Sysctl.write("net/ipv6/conf/\(name)/\(setting)", value, in: pod)
      }
    }
    var requests: [RouteRequest] = [
      .setLink(.name("lo"), .init(isUp: true)), .setLink(.index(index), .init(isUp: true)),
    ]
    for address in addresses {
      requests.append(
        .addAddress(InterfaceAddress(interface: index, address, prefixLength: address.family.bits)))
    }
    for address in addresses {
      let gateway = gateway(for: address)
      requests.append(.addRoute(Route(Prefix(host: gateway), interface: index, protocolNumber: 4)))
      requests.append(
        .addRoute(Route(anywhere(address.family), gateway: gateway, interface: index, protocolNumber: 4)))
    }
    try podRoutes.perform(requests)
  }

  private func gateway(for address: IPAddress) -> IPAddress {
    // An address comes from one of the sets, by construction.
    configuration.rangeSets.lazy.compactMap { $0.range(of: address) }.first!.gateway
  }
}

/// 0.0.0.0/0 or ::/0.
func anywhere(_ family: IPFamily) -> Prefix { Prefix(IPAddress(family, number: 0), length: 0) }
