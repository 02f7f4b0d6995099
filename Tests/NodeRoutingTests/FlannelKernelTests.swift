import Addressing
import ClusterModel
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

/// A cluster that moves from flannel to Swiftlet, node by node. flannel's node is played with `ip` and `bridge`: its
/// links, its Ethernet addresses in the annotations, and entries from what our annotations say.
@Suite(.serialized) struct FlannelKernelTests {
  private static let mac4 = "0e:11:22:33:44:55"
  private static let mac6 = "0e:11:22:33:44:66"

  /// What flanneld makes on its node, and writes into its Node object.
  private func becomeFlannel(_ fabric: Fabric, _ node: Fabric.TestNode, families: [IPFamily]) throws {
    node.object.annotations = [
      "flannel.alpha.coreos.com/kube-subnet-manager": "true", "flannel.alpha.coreos.com/backend-type": "vxlan",
      "flannel.alpha.coreos.com/backend-data": #"{"VNI":1,"VtepMAC":"\#(Self.mac4)"}"#,
      "flannel.alpha.coreos.com/public-ip": "192.168.1.2",
    ]
    var commands = [
      "ip link add flannel.1 type vxlan id 1 dev eth0 local 192.168.1.2 dstport 8472 nolearning",
      "ip link set flannel.1 address \(Self.mac4) mtu 1450 up", "ip addr add 10.244.2.0/32 dev flannel.1",
    ]
    if families.contains(.v6) {
      node.object.annotations["flannel.alpha.coreos.com/backend-v6-data"] =
        #"{"VNI":1,"VtepMAC":"\#(Self.mac6)"}"#
      node.object.annotations["flannel.alpha.coreos.com/public-ipv6"] = "fd77:0:0:1::2"
      commands += [
        "ip link add flannel-v6.1 type vxlan id 1 dev eth0 local fd77:0:0:1::2 dstport 8472 nolearning",
        "ip link set flannel-v6.1 address \(Self.mac6) mtu 1430 up",
        "ip addr add fd00:10:244:2::/128 dev flannel-v6.1 nodad",
      ]
    }
    for command in commands { #expect(try fabric.run(node.name, command).status.isSuccess, "\(command)") }
  }

  /// What flanneld does on hearing of a node: it takes the Ethernet address and the public address from annotations.
  private func flannelHears(_ fabric: Fabric, _ flannel: Fabric.TestNode, of node: Node) throws {
    let prefix = "flannel.alpha.coreos.com/"
    #expect(node.annotations[prefix + "kube-subnet-manager"] == "true")
    #expect(node.annotations[prefix + "backend-type"] == "vxlan", "flannel passes over nodes of other types")
    for (family, data, address, link) in [
      (IPFamily.v4, "backend-data", "public-ip", "flannel.1"), (.v6, "backend-v6-data", "public-ipv6", "flannel-v6.1"),
    ] {
      guard flannel.object.annotations[prefix + data] != nil,
        let range = node.podRanges.first(where: { $0.family == family })
      else { continue }
      let json = try JSON(parsing: Array(try #require(node.annotations[prefix + data]).utf8))
      let mac = try #require(json["VtepMAC"].string)
      #expect(json["VNI"].int == 1)
      let destination = try #require(node.annotations[prefix + address])
      for command in [
        "ip neigh replace \(range.first) lladdr \(mac) dev \(link) nud permanent",
        "bridge fdb append \(mac) dev \(link) dst \(destination)",
        "ip route replace \(range) via \(range.first) dev \(link) onlink",
      ] { #expect(try fabric.run(flannel.name, command).status.isSuccess, "\(command)") }
    }
  }

  @Test(arguments: [[IPFamily.v4], [.v4, .v6]], [RoutingMode.vxlan, .crossSubnet])
  func podsTalkAcrossTheSeam(families: [IPFamily], mode: RoutingMode) throws {
    let fabric = try Fabric()
    let ours = try fabric.add(1, underlay: families, pods: families, mode: mode)
    let flannel = try fabric.add(2, underlay: families, pods: families)
    try becomeFlannel(fabric, flannel, families: families)
    try ours.router.synchronize(fabric.objects)
    ours.announce()
    try flannelHears(fabric, flannel, of: ours.object)
    for family in families {
      #expect(try fabric.ping("n1", "n2", family), "\(family) from us to flannel")
      #expect(try fabric.ping("n2", "n1", family), "\(family) from flannel to us")
      #expect(try fabric.ping("n1", "n2", family, size: family == .v4 ? 1450 : 1430))
      #expect(try fabric.tcp("n2", "n1", family))
    }
    #expect(
      try fabric.oracle("n1", "bridge -j fdb show dev swiftlet.1").first?["mac"].string == Self.mac4)

    // The second node moves too: flanneld is stopped, our agent started.
    try flannel.restart(mode: mode)
    try flannel.router.synchronize(fabric.objects)
    try fabric.publish(flannel)
    let links = try fabric.oracle("n2", "ip -j link show").compactMap { $0["ifname"].string }
    #expect(!links.contains { $0.hasPrefix("flannel") }, "ours take the place of flannel's: \(links)")
    for family in families {
      #expect(try fabric.ping("n1", "n2", family))
      #expect(try fabric.ping("n2", "n1", family))
    }
    #expect(flannel.object.annotations["flannel.alpha.coreos.com/backend-data"]?.contains(Self.mac4) == false)
  }

  /// flannel's host-gw announces `null`, and its routes are of another protocol: ours take their place.
  @Test func hostGateway() throws {
    let fabric = try Fabric()
    let ours = try fabric.add(1, mode: .hostGateway)
    let flannel = try fabric.add(2)
    flannel.object.annotations = [
      "flannel.alpha.coreos.com/kube-subnet-manager": "true", "flannel.alpha.coreos.com/backend-type": "host-gw",
      "flannel.alpha.coreos.com/backend-data": "null", "flannel.alpha.coreos.com/public-ip": "192.168.1.2",
    ]
    try fabric.run("n1", "ip route add 10.244.2.0/24 via 192.168.1.2 dev eth0")
    try fabric.run("n2", "ip route add 10.244.1.0/24 via 192.168.1.1 dev eth0")
    try ours.router.synchronize(fabric.objects)
    #expect(ours.router.announcement["flannel.alpha.coreos.com/backend-type"] == "host-gw")
    #expect(ours.router.announcement["flannel.alpha.coreos.com/backend-data"] == "null")
    let routes = try fabric.oracle("n1", "ip -j route show 10.244.2.0/24")
    #expect(routes.count == 1)
    #expect(routes.first?["protocol"].string == "87")
    #expect(try fabric.ping("n1", "n2"))
  }

  /// A node behind address translation: others are told the address of the translation.
  @Test func anOverwrittenAddressIsAnnounced() throws {
    let fabric = try Fabric()
    let node = try fabric.add(1)
    node.object.annotations["flannel.alpha.coreos.com/public-ip-overwrite"] = "203.0.113.7"
    try node.router.synchronize([node.object])
    #expect(node.router.announcement["flannel.alpha.coreos.com/public-ip"] == "203.0.113.7")
    let link = try #require(try fabric.oracle("n1", "ip -j -d link show swiftlet.1").first)
    #expect(link["linkinfo", "info_data", "local"].string == "192.168.1.1")
  }
}
