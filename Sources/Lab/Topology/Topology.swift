internal import Addressing
internal import Diagnosis
internal import Linux
internal import Netlink

/// The node network: one namespace a node, and the fabric that connects them.
///
/// Each subnet of the underlay has a bridge in the fabric, the switch between its nodes; its address is their gateway, and
/// the fabric routes between the subnets. The outside world's addresses are local there. Links are made directly where they
/// belong, so nothing ever shows up in the host's own namespace.
package struct Topology {
  package static let fabric = "fabric"
  /// The interface of a node on the node network.
  package static let nodeInterface = "eth0"
  /// Of our routes in nodes: as if an administrator had made them (RTPROT_STATIC), since the agent takes away what has its
  /// own number and is not wanted.
  private static let routeProtocol: UInt8 = 4

  private let site: LabSite
  private let lab: LabConfiguration

  package init(site: LabSite, lab: LabConfiguration) {
    self.site = site
    self.lab = lab
  }

  /// The bridge of a subnet in the fabric.
  package static func bridge(_ subnetIndex: Int) -> String { subnetIndex == 0 ? "nodes" : "nodes\(subnetIndex + 1)" }

  /// Makes the fabric and every node. What was made before a failure is left to `LabRemoval`.
  package func make() throws {
    if try NamespaceFolder.prepare(site.namespaceFolder) {
      try Files.write(LabRemoval.folderMark(site), "")
    }
    try makeFabric()
    for node in lab.nodes { try add(node) }
  }

  private func makeFabric() throws {
    let namespace = try NetworkNamespace.create(boundTo: site.namespacePath(Self.fabric))
    try prepare(namespace)
    let routes = try RouteSocket(namespace: namespace)
    try routes.perform(.setLink(.name("lo"), RouteRequest.LinkSettings(isUp: true)))
    for (index, subnets) in lab.subnets.enumerated() {
      // A bridge without a MAC address of its own takes its lowest port's: each node that comes or goes could then make all
      // others lose their gateway for seconds.
      let mac = LabNode.mac(of: subnets[0].address(at: 1)!)
      try routes.perform(.addLink(.bridge, RouteRequest.LinkSettings(name: Self.bridge(index), mac: mac, isUp: true)))
      let bridge = try self.index(Self.bridge(index), routes)
      try routes.perform(
        subnets.map {
          .addAddress(InterfaceAddress(interface: bridge, $0.address(at: 1)!, prefixLength: $0.length))
        })
    }
    let loopback = try index("lo", routes)
    try routes.perform(
      lab.families.flatMap { [OutsideAddresses.resolver($0), OutsideAddresses.server($0)] }.map {
        .addAddress(InterfaceAddress(interface: loopback, $0, prefixLength: $0.family.bits))
      })
  }

  /// Makes a node's namespace and connects it.
  package func add(_ node: LabNode) throws {
    let namespace = try NetworkNamespace.create(boundTo: site.namespacePath(node.name))
    try prepare(namespace)
    let fabric = try fabricRoutes()
    try fabric.perform(
      .addLink(
        .veth(peer: RouteRequest.LinkSettings(name: Self.nodeInterface, mac: node.mac), in: namespace),
        RouteRequest.LinkSettings(
          name: node.name, master: try index(Self.bridge(node.subnetIndex), fabric), isUp: true)))

    // The far end can only be set up once it knows its near one (veth_open answers ENOTCONN before).
    let routes = try RouteSocket(namespace: namespace)
    try routes.perform(
      ["lo", Self.nodeInterface].map { .setLink(.name($0), RouteRequest.LinkSettings(isUp: true)) })
    let interface = try index(Self.nodeInterface, routes)
    try routes.perform(
      zip(node.addresses, node.subnets).map {
        .addAddress(InterfaceAddress(interface: interface, $0, prefixLength: $1.length))
      }
        + node.gateways.map {
          .addRoute(
            Route(
              Prefix(IPAddress($0.family, number: 0), length: 0), gateway: $0, interface: interface,
              protocolNumber: Self.routeProtocol))
        })
  }

  /// Takes a node's namespace and its link away; its processes must have ended.
  package func remove(_ node: LabNode) throws {
    let fabric = try fabricRoutes()
    if try fabric.link(.name(node.name)) != nil { try fabric.perform(.deleteLink(.name(node.name))) }
    try NetworkNamespace.remove(path: site.namespacePath(node.name))
  }

  /// Takes a node's port off its switch, or puts it back: its link stays up, and nothing passes.
  package func setConnected(_ node: LabNode, _ isConnected: Bool) throws {
    let fabric = try fabricRoutes()
    let master = isConnected ? try index(Self.bridge(node.subnetIndex), fabric) : 0
    try fabric.perform(.setLink(.name(node.name), RouteRequest.LinkSettings(master: master)))
  }

  /// Unplugs a node: its interface sees no carrier any more.
  package func unplug(_ node: LabNode) throws {
    try fabricRoutes().perform(.setLink(.name(node.name), RouteRequest.LinkSettings(isUp: false)))
  }

  private func fabricRoutes() throws -> RouteSocket {
    try RouteSocket(namespace: try NetworkNamespace(path: site.namespacePath(Self.fabric)))
  }

  private func index(_ name: String, _ routes: RouteSocket) throws -> Int32 {
    guard let link = try routes.link(.name(name)) else {
      throw LabError("link \(name) vanished while the lab was made", remedy: "run `swiftlet lab up` again")
    }
    return link.index
  }

  /// A new namespace takes its settings from the host or from the kernel's defaults, depending on yet another setting:
  /// those that matter are set, before there is any link.
  private func prepare(_ namespace: NetworkNamespace) throws {
    for (name, value) in [
      ("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv4/conf/default/rp_filter", "0"),
    ] {
      try Sysctl.write(name, value, in: namespace)
    }
    let isNeeded = lab.families.contains { $0 == .v6 }
    for (name, value) in [
      ("net/ipv6/conf/all/disable_ipv6", "0"), ("net/ipv6/conf/default/disable_ipv6", "0"),
      ("net/ipv6/conf/all/forwarding", "1"), ("net/ipv6/conf/default/forwarding", "1"),
      // Addresses are chosen by us, no two alike: they need not wait a second for duplicate address detection.
      ("net/ipv6/conf/all/accept_dad", "0"), ("net/ipv6/conf/default/accept_dad", "0"),
    ] {
      do {
        try Sysctl.write(name, value, in: namespace)
      } catch {
        // A kernel may run without IPv6.
        if isNeeded {
          throw LabError("this kernel has no IPv6 (\(error))", remedy: "choose --family 4, or boot with ipv6.disable=0")
        }
      }
    }
  }
}
