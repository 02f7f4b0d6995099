package import Addressing
package import ClusterModel

extension RoutePeer {
  /// What a node's object says, as its peers take it: the announced addresses before those of its status.
  package init(_ node: Node) {
    let annotations = node.annotations.filter { RouteAnnotation.isOfInterest($0.key) }
    self.init(
      node: node.name, mode: Self.mode(annotations),
      underlay: IPFamily.allCases.compactMap { family in
        let key = family == .v4 ? RouteAnnotation.publicIP : RouteAnnotation.publicIP6
        let announced = annotations[key].flatMap { IPAddress($0) }
        if let announced, announced.family == family { return announced }
        return node.addresses.first { $0.family == family }
      },
      podRanges: node.podRanges, annotations: annotations, labels: node.labels)
  }

  /// This node itself: its real addresses, and the mode its agent was started with.
  package init(own node: Node, mode: RoutingMode) {
    self.init(node)
    self.mode = mode
    underlay = IPFamily.allCases.compactMap { family in
      let key = family == .v4 ? RouteAnnotation.nodePublicIP : RouteAnnotation.nodePublicIP6
      let chosen = annotations[key].flatMap { IPAddress($0) }
      if let chosen, chosen.family == family { return chosen }
      return node.addresses.first { $0.family == family }
    }
    // What it announces is made from the rest; its own copy of it must not look like a change.
    for key in RouteAnnotation.written { annotations[key] = nil }
  }

  /// Our own annotation is more exact than flannel's type. Where the two disagree, flannel's agent has taken the node
  /// over since, and its word counts.
  private static func mode(_ annotations: [String: String]) -> RoutingMode? {
    let type = annotations[RouteAnnotation.flannelType]
    if let own = annotations[RouteAnnotation.mode].flatMap(RoutingMode.init), type == nil || own.flannelType == type {
      return own
    }
    switch type {
    case "vxlan": return .vxlan
    case "host-gw": return .hostGateway
    case "ipip": return .ipip
    case "wireguard": return .wireguard
    default: return nil
    }
  }

  /// A node of ours that makes its tunnel end when it hears of one that needs it, and has not yet.
  package var willAnnounceTunnelEnd: Bool {
    let mode = annotations[RouteAnnotation.mode].flatMap(RoutingMode.init)
    return mode?.needsBothSides == true && vtep(.v4) == nil && vtep(.v6) == nil
  }

  /// Its tunnel end over an underlay of a family; nil while it announces none that can be read.
  package func vtep(_ underlay: IPFamily) -> VTEP? {
    // flannel's comes first: it is the newer one on a node that went back to flannel.
    if annotations[RouteAnnotation.flannelType] == "vxlan",
      let data = annotations[underlay == .v4 ? RouteAnnotation.flannelData : RouteAnnotation.flannelData6],
      let vtep = VTEP(parsing: data)
    {
      return vtep
    }
    return annotations[underlay == .v4 ? RouteAnnotation.vtep : RouteAnnotation.vtep6].flatMap(VTEP.init(parsing:))
  }
}
