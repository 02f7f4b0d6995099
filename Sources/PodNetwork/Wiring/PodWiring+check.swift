internal import Addressing
package import Netlink

extension PodWiring {
  /// Compares what is there with what ADD returned, and names every difference; empty if all is well.
  package func differences(
    from result: CNIResult, _ attachment: Attachment, podRoutes: RouteSocket, leases: LeaseStore
  ) throws -> [String] {
    var differences: [String] = []
    let name = attachment.interfaceName
    guard let position = result.interfaces.firstIndex(where: { $0.name == name && !$0.sandbox.isEmpty }) else {
      return ["prevResult has no interface \(name) in a sandbox"]
    }
    let own = result.addresses.filter { $0.interface == position || $0.interface == nil }

    differences += try bridgeDifferences(own)
    if let link = try hostLink(of: attachment) {
      differences += try hostDifferences(link, attachment, result.interfaces[position].mac, own)
    } else {
      differences.append("the node's end of the pod's link, \(PodLink.hostName(attachment)), is missing")
    }
    for address in own where leases.holder(of: address.address) != attachment {
      differences.append("address \(address.address) is not leased to \(attachment.containerID) in \(leases.directory)")
    }
    guard let inside = try podRoutes.link(.name(name)) else {
      return differences + ["interface \(name) is missing in the pod"]
    }
    differences += try podDifferences(inside, result.interfaces[position], own, result.routes, podRoutes)
    return differences
  }

  private func bridgeDifferences(_ own: [CNIResult.Address]) throws -> [String] {
    guard let link = try bridge.link() else { return ["bridge \(bridge.name) is missing"] }
    var differences: [String] = []
    if !link.isUp { differences.append("bridge \(bridge.name) is down") }
    let held = try host.addresses(interface: link.index).map(\.address)
    for set in configuration.rangeSets {
      for address in own {
        if let gateway = set.range(of: address.address)?.gateway, !held.contains(gateway) {
          differences.append("bridge \(bridge.name) lacks the gateway address \(gateway)")
        }
      }
    }
    if configuration.wiring == .sharedBridge, let bridge = link.bridge, !bridge.callsIPTables || !bridge.callsIP6Tables
    {
      differences.append("bridge \(self.bridge.name) does not pass packets between its ports to the node's rules")
    }
    return differences
  }

  private func hostDifferences(
    _ link: Link, _ attachment: Attachment, _ mac: MACAddress?, _ own: [CNIResult.Address]
  ) throws -> [String] {
    var differences: [String] = []
    if !link.isUp { differences.append("\(link.name) is down") }
    if configuration.wiring.isBridged {
      if try link.master != bridge.link()?.index { differences.append("\(link.name) is not a port of \(bridge.name)") }
    } else {
      let held = try host.addresses(interface: link.index).map(\.address)
      let routed = try host.routes(interface: link.index).map(\.destination)
      for address in own {
        let gateway = PodLink.gateway(address.address.family)
        if !held.contains(gateway) { differences.append("\(link.name) lacks the gateway address \(gateway)") }
        if !routed.contains(Prefix(host: address.address)) {
          differences.append("the node has no route to \(address.address) by \(link.name)")
        }
      }
    }
    return differences
      + (try spoofingDifferences(
        .init(port: link.name, attachment: attachment, macs: mac.map { [$0] } ?? [], addresses: own.map(\.address))))
  }

  private func podDifferences(
    _ link: Link, _ wanted: CNIResult.Interface, _ addresses: [CNIResult.Address], _ routes: [CNIResult.Route],
    _ podRoutes: RouteSocket
  ) throws -> [String] {
    var differences: [String] = []
    if !link.isUp { differences.append("interface \(link.name) is down in the pod") }
    if let mac = wanted.mac, mac != link.mac {
      differences.append(
        "interface \(link.name) has Ethernet address \(link.mac.map { "\($0)" } ?? "none"), expected \(mac)")
    }
    if let mtu = wanted.mtu, mtu != link.mtu {
      differences.append("interface \(link.name) has MTU \(link.mtu), expected \(mtu)")
    }
    let held = try podRoutes.addresses(interface: link.index)
    for address in addresses
    where !held.contains(where: { $0.address == address.address && $0.prefixLength == address.prefixLength }) {
      differences.append("interface \(link.name) lacks address \(address.address)/\(address.prefixLength)")
    }
    let present = try podRoutes.routes(interface: link.index)
    for route in routes
    where !present.contains(where: { $0.destination == route.destination && $0.gateway == route.gateway }) {
      differences.append(
        "the pod lacks route \(route.destination)" + (route.gateway.map { " via \($0)" } ?? ""))
    }
    return differences
  }
}
