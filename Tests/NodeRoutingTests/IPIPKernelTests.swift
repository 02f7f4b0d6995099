import Addressing
import ClusterModel
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

/// Needs a kernel with the module `ipip`; elsewhere the refusal is tested instead.
@Suite(.serialized) struct IPIPKernelTests {
  /// Whether this kernel makes IP-in-IP links, tried in a namespace of its own.
  static let isSupported: Bool = {
    guard let namespace = try? NetworkNamespace.create(), let socket = try? RouteSocket(namespace: namespace) else {
      return false
    }
    let link = RouteRequest.addLink(.ipip(Link.IPIP(local: IPAddress("192.0.2.1")!)), .init(name: "swt-ipip"))
    return (try? socket.perform(link)) != nil
  }()

  @Test(.enabled(if: isSupported, "this kernel has no ipip (CONFIG_NET_IPIP); the suite runs in qemu"))
  func podsReachOneAnother() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, pods: [.v4, .v6], mode: .ipip) }
    try fabric.add(3, lan: 2, pods: [.v4, .v6], mode: .ipip)
    try fabric.settle()
    for other in ["n2", "n3"] {
      #expect(
        try fabric.oracle("n1", "ip -j route show 10.244.\(other.last!).0/24").first?["dev"].string == "swiftlet.ipip")
      #expect(try fabric.ping("n1", other))
      #expect(try fabric.ping(other, "n1", .v6), "IPv6 pods go by VXLAN")
      #expect(try fabric.tcp("n1", other))
    }
    let link = try #require(try fabric.oracle("n1", "ip -j -d link show swiftlet.ipip").first)
    #expect(link["mtu"].int == 1480)
    for node in fabric.nodes.values { #expect(try node.router.repair() == 0) }
  }

  @Test(.enabled(if: isSupported, "this kernel has no ipip (CONFIG_NET_IPIP); the suite runs in qemu"))
  func plainInsideASubnetAndTunnelledAcross() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, mode: .ipipCrossSubnet) }
    try fabric.add(3, lan: 2, mode: .ipipCrossSubnet)
    try fabric.settle()
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.2.0/24").first?["dev"].string == "eth0")
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.3.0/24").first?["dev"].string == "swiftlet.ipip")
    #expect(try fabric.ping("n1", "n2", size: 1500))
    #expect(try fabric.ping("n1", "n3", size: 1480))
    #expect(try fabric.nodes["n1"]!.router.podMTU() == 1480)
    // Damage, and a change of mode.
    #expect(try fabric.run("n1", "ip link del swiftlet.ipip").status.isSuccess)
    #expect(try fabric.nodes["n1"]!.router.repair() > 0)
    #expect(try fabric.ping("n1", "n3"))
    for name in ["n1", "n2", "n3"] {
      let node = fabric.nodes[name]!
      try node.restart(mode: .vxlan)
      try node.router.synchronize(fabric.objects)
      try fabric.publish(node)
      #expect(try fabric.ping("n1", "n3"), "while \(name) changes")
    }
  }

  @Test(.disabled(if: isSupported, "this kernel has ipip"))
  func aKernelWithoutItIsExplained() throws {
    let fabric = try Fabric()
    let node = try fabric.add(1, mode: .ipip)
    let error = #expect(throws: RoutingError.self) { try node.router.synchronize([node.object]) }
    #expect(error?.description.contains("CONFIG_NET_IPIP") == true)
  }
}
