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

    if let bridgeLink = try bridge.link() {
      if !bridgeLink.isUp { differences.append("bridge \(bridge.name) is down") }
      let held = try host.addresses(interface: bridgeLink.index).map(\.address)
      for address in own {
        if let gateway = address.gateway, !held.contains(gateway) {
          differences.append("bridge \(bridge.name) lacks the gateway address \(gateway)")
        }
      }
      if let link = try hostLink(of: attachment) {
        if link.master != bridgeLink.index { differences.append("\(link.name) is not a port of \(bridge.name)") }
        if !link.isUp { differences.append("\(link.name) is down") }
      } else {
        differences.append("the node's end of the pod's link, \(PodLink.hostName(attachment)), is missing")
      }
    } else {
      differences.append("bridge \(bridge.name) is missing")
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
