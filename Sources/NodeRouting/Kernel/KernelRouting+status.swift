internal import Addressing
package import JSON

extension KernelRouting {
  /// Annotations that both flannel's nodes and ours understand. A node whose own way is no tunnel of the kernel's makes a
  /// tunnel end when a peer needs one, and announces it only then: a peer that changed its mode sends as before until then.
  package var announcement: [String: String] {
    guard let own = compiler?.own, let mode = own.mode else { return [:] }
    var annotations = [
      RouteAnnotation.flannelManager: "true", RouteAnnotation.flannelType: mode.flannelType,
      RouteAnnotation.mode: mode.rawValue, RouteAnnotation.flannelData: "null",
    ]
    let hasIPv6Pods = own.podRanges.contains { $0.family == .v6 }
    if let address = own.underlay(.v4) {
      annotations[RouteAnnotation.publicIP] = own.annotations[RouteAnnotation.publicIPOverwrite] ?? "\(address)"
      if receives(.vxlan4, mode) { annotations[RouteAnnotation.vtep] = tunnelEnd(.v4, own) }
      if mode.flannelType == "vxlan" { annotations[RouteAnnotation.flannelData] = tunnelEnd(.v4, own) }
    }
    // A tunnel over IPv6 is there for IPv6 pods, and for all where the node has no IPv4 address.
    if let address = own.underlay(.v6), hasIPv6Pods || own.underlay(.v4) == nil {
      annotations[RouteAnnotation.publicIP6] = own.annotations[RouteAnnotation.publicIP6Overwrite] ?? "\(address)"
      if receives(.vxlan6, mode) { annotations[RouteAnnotation.vtep6] = tunnelEnd(.v6, own) }
      if mode.flannelType == "vxlan" { annotations[RouteAnnotation.flannelData6] = tunnelEnd(.v6, own) }
    }
    return annotations
  }

  package func carries(_ peer: RoutePeer) -> Bool {
    wanted.withLock { $0.plans[peer.node]?.awaitsTunnelEnd != true }
  }

  private func receives(_ link: TunnelLink, _ mode: RoutingMode) -> Bool {
    !mode.needsBothSides || interfaces[link] != nil
  }

  private func tunnelEnd(_ underlay: IPFamily, _ own: RoutePeer) -> String {
    VTEP(id: configuration.vxlanID, mac: VTEP.mac(of: own.node, underlay: underlay)).text
  }

  /// `{"links":[{"name":…,"mtu":…}],"peers":{NODE:{RANGE:WAY}}}`
  package var status: JSON {
    let (links, plans) = wanted.withLock { ($0.links.values.sorted { $0.name < $1.name }, $0.plans) }
    var peers = JSON.Object()
    for (node, plan) in plans.sorted(by: { $0.key < $1.key }) {
      var ranges = JSON.Object()
      for step in plan.steps { ranges["\(step.range)"] = .string("\(step.path)") }
      peers[node] = .object(ranges)
    }
    return [
      "links": .array(links.map { ["name": .string($0.name), "mtu": .int(Int64($0.mtu)), "up": .bool($0.isUp)] }),
      "peers": .object(peers),
    ]
  }
}
