internal import Addressing
internal import Diagnosis
internal import Linux
internal import Netlink

/// The node network: one namespace a node, and the fabric that connects them.
///
/// The fabric's bridge is the switch between the nodes, its address their gateway; the outside world's addresses are local
/// there. Links are made directly where they belong, so nothing ever shows up in the host's own namespace.
package struct Topology {
  package static let fabric = "fabric"
  /// The bridge in the fabric.
  package static let bridge = "nodes"
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
    let routes = try RouteSocket(namespace: namespace)
    try routes.perform([
      .setLink(.name("lo"), RouteRequest.LinkSettings(isUp: true)),
      .addLink(.bridge, RouteRequest.LinkSettings(name: Self.bridge, isUp: true)),
    ])
    try routes.perform([
      .addAddress(
        InterfaceAddress(
          interface: try index(Self.bridge, routes), lab.gateway, prefixLength: lab.ranges.nodes.prefix.length))
    ])
    let loopback = try index("lo", routes)
    try routes.perform(
      [LabConfiguration.outsideResolver, LabConfiguration.outsideServer].map {
        .addAddress(InterfaceAddress(interface: loopback, $0, prefixLength: $0.family.bits))
      })
    try forward(namespace)
  }

  /// Makes a node's namespace and connects it.
  package func add(_ node: LabNode) throws {
    let namespace = try NetworkNamespace.create(boundTo: site.namespacePath(node.name))
    let fabric = try RouteSocket(namespace: try NetworkNamespace(path: site.namespacePath(Self.fabric)))
    try fabric.perform(
      .addLink(
        .veth(peer: RouteRequest.LinkSettings(name: Self.nodeInterface), in: namespace),
        RouteRequest.LinkSettings(name: node.name, master: try index(Self.bridge, fabric), isUp: true)))

    // The far end can only be set up once it knows its near one (veth_open answers ENOTCONN before).
    let routes = try RouteSocket(namespace: namespace)
    try routes.perform(
      ["lo", Self.nodeInterface].map { .setLink(.name($0), RouteRequest.LinkSettings(isUp: true)) })
    let interface = try index(Self.nodeInterface, routes)
    try routes.perform([
      .addAddress(
        InterfaceAddress(interface: interface, node.address, prefixLength: lab.ranges.nodes.prefix.length)),
      .addRoute(
        Route(
          Prefix(IPAddress(node.address.family, number: 0), length: 0), gateway: lab.gateway, interface: interface,
          protocolNumber: Self.routeProtocol)),
    ])
    try forward(namespace)
  }

  /// Takes a node's namespace and its link away; its processes must have ended.
  package func remove(_ node: LabNode) throws {
    let fabric = try RouteSocket(namespace: try NetworkNamespace(path: site.namespacePath(Self.fabric)))
    if try fabric.link(.name(node.name)) != nil { try fabric.perform(.deleteLink(.name(node.name))) }
    try NetworkNamespace.remove(path: site.namespacePath(node.name))
  }

  private func index(_ name: String, _ routes: RouteSocket) throws -> Int32 {
    guard let link = try routes.link(.name(name)) else {
      throw LabError("link \(name) vanished while the lab was made", remedy: "run `swiftlet lab up` again")
    }
    return link.index
  }

  /// A new namespace takes its settings from the host or from the kernel's defaults, depending on yet another setting:
  /// those that matter are set.
  private func forward(_ namespace: NetworkNamespace) throws {
    for (name, value) in [
      ("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv4/conf/default/rp_filter", "0"),
    ] {
      try Sysctl.write(name, value, in: namespace)
    }
    // A kernel may run without IPv6.
    try? Sysctl.write("net/ipv6/conf/all/forwarding", "1", in: namespace)
  }
}
