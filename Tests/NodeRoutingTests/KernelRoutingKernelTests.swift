import Addressing
import ClusterModel
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

@Suite(.serialized) struct KernelRoutingKernelTests {
  /// Every mode this kernel has, both families of pods, over underlays of both and of either family.
  struct Combination: Sendable, CustomTestStringConvertible {
    var mode: RoutingMode
    var underlay: [IPFamily]
    var pods: [IPFamily]
    var mtu: Int
    var testDescription: String { "\(mode.rawValue), pods \(pods), nodes \(underlay)" }
  }

  static let combinations: [Combination] = [
    .init(mode: .vxlan, underlay: [.v4], pods: [.v4], mtu: 1450),
    .init(mode: .vxlan, underlay: [.v4], pods: [.v4, .v6], mtu: 1450),
    .init(mode: .vxlan, underlay: [.v4, .v6], pods: [.v4, .v6], mtu: 1430),
    .init(mode: .vxlan, underlay: [.v6], pods: [.v4, .v6], mtu: 1430),
    .init(mode: .vxlan, underlay: [.v6], pods: [.v6], mtu: 1430),
    .init(mode: .hostGateway, underlay: [.v4, .v6], pods: [.v4, .v6], mtu: 1500),
    .init(mode: .hostGateway, underlay: [.v6], pods: [.v4, .v6], mtu: 1500),
    .init(mode: .crossSubnet, underlay: [.v4, .v6], pods: [.v4, .v6], mtu: 1430),
    .init(mode: .crossSubnet, underlay: [.v4], pods: [.v4, .v6], mtu: 1450),
  ]

  @Test(arguments: combinations)
  func podsReachOneAnother(_ combination: Combination) throws {
    let fabric = try Fabric()
    for number in 1...2 {
      try fabric.add(number, underlay: combination.underlay, pods: combination.pods, mode: combination.mode)
    }
    // One across a router, where the mode carries it there.
    if combination.mode != .hostGateway {
      try fabric.add(3, lan: 2, underlay: combination.underlay, pods: combination.pods, mode: combination.mode)
    }
    try fabric.settle()
    for node in fabric.nodes.values {
      #expect(node.router.problems.isEmpty)
      #expect(try node.router.podMTU() == combination.mtu)
      #expect(try node.router.repair() == 0, "a second pass finds nothing to do")
    }
    for family in combination.pods {
      for other in fabric.nodes.keys where other != "n1" {
        #expect(try fabric.ping("n1", other, family), "\(family) to \(other)")
        #expect(try fabric.ping(other, "n1", family, size: combination.mtu), "in one piece from \(other)")
        #expect(try fabric.tcp("n1", other, family), "\(family) TCP to \(other)")
      }
    }
    if combination.mode == .vxlan {
      #expect(
        try fabric.ping("n1", "n2", combination.pods[0], size: 1451, tries: 1) == false, "no larger than the tunnel")
    }
    // After a restart, nothing is made anew.
    let first = try #require(fabric.nodes["n1"])
    try first.restart(mode: combination.mode)
    #expect(try first.router.synchronize(fabric.objects) == 0)
  }

  /// The objects themselves, as iproute2 reads them.
  @Test func vxlanObjects() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, underlay: [.v4, .v6], pods: [.v4, .v6]) }
    try fabric.settle()
    for (name, mtu, destination) in [("swiftlet.1", 1450, "192.168.1.2"), ("swiftlet-v6.1", 1430, "fd77:0:0:1::2")] {
      let link = try #require(try fabric.oracle("n1", "ip -j -d link show \(name)").first)
      #expect(link["mtu"].int == mtu)
      #expect(link["linkinfo", "info_data", "id"].int == 1)
      #expect(link["linkinfo", "info_data", "port"].int == 8472)
      #expect(link["linkinfo", "info_data", "learning"].bool == false)
      #expect(try fabric.oracle("n1", "ip -j neigh show dev \(name)").first?["state"].elements == ["PERMANENT"])
      #expect(
        try fabric.oracle("n1", "bridge -j fdb show dev \(name)").compactMap { $0["dst"].string }
          == ["\(IPAddress(destination)!)"])
      #expect(try Sysctl.read("net/ipv4/conf/\(name)/rp_filter", in: fabric.nodes["n1"]!.namespace) == "2")
    }
    let route = try #require(try fabric.oracle("n1", "ip -j route show 10.244.2.0/24").first)
    #expect(route["gateway"].string == "10.244.2.0")
    #expect(route["dev"].string == "swiftlet.1")
    #expect(route["flags"].elements.contains("onlink"))
    #expect(route["protocol"].string == "87")
    let route6 = try #require(try fabric.oracle("n1", "ip -6 -j route show fd00:10:244:2::/64").first)
    #expect(route6["dev"].string == "swiftlet-v6.1")
  }

  @Test func severalRangesOfANode() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, pods: [.v4, .v6], ranges: 3) }
    try fabric.settle()
    for range in 0..<3 {
      for family in IPFamily.allCases { #expect(try fabric.ping("n1", "n2", family, range: range)) }
    }
    // One range less: that route goes, the others stay.
    let second = try #require(fabric.nodes["n2"])
    second.object.podRanges.removeAll { $0 == Prefix("10.244.102.0/24") }
    try fabric.nodes["n1"]!.router.apply([("n2", second.object)])
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.102.0/24").isEmpty)
    #expect(try fabric.ping("n1", "n2", .v4, range: 1), "what was the third is the second now")
  }

  /// Where routes cannot be plain, the node is named, and the others work.
  @Test func hostGatewayRefusesWhatIsBehindARouter() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, mode: .hostGateway) }
    try fabric.add(3, lan: 2, mode: .hostGateway)
    try fabric.settle()
    let first = try #require(fabric.nodes["n1"])
    #expect(first.router.problems.map(\.node) == ["n3"])
    #expect(first.router.problems.first?.reason.contains("192.168.1.254") == true)
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.3.0/24").isEmpty)
    #expect(try fabric.oracle("n1", "ip -j link show").contains { $0["ifname"].string == "swiftlet.1" } == false)
    #expect(try fabric.ping("n1", "n2", size: 1500))
  }

  @Test func crossSubnetIsPlainInsideAndTunnelledAcross() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, pods: [.v4, .v6], mode: .crossSubnet) }
    try fabric.add(3, lan: 2, pods: [.v4, .v6], mode: .crossSubnet)
    try fabric.settle()
    let near = try #require(try fabric.oracle("n1", "ip -j route show 10.244.2.0/24").first)
    #expect(near["dev"].string == "eth0" && near["gateway"].string == "192.168.1.2")
    let far = try #require(try fabric.oracle("n1", "ip -j route show 10.244.3.0/24").first)
    #expect(far["dev"].string == "swiftlet.1")
    #expect(try fabric.ping("n1", "n2", size: 1500), "no tunnel takes its part")
  }

  /// Packets for pods that the node does not have stay there, also while no bridge has the range.
  @Test func theNodesOwnRangeLeadsNowhere() throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, underlay: [.v4, .v6], pods: [.v4, .v6]) }
    try fabric.settle()
    for (command, target) in [("ip -j route get", "10.244.1.77"), ("ip -6 -j route get", "fd00:10:244:1::77")] {
      let before = try fabric.run("n1", "\(command) \(target)")
      #expect(before.status.isSuccess == false, "a blackhole is an error for who asks: \(before.output)")
    }
    #expect(try fabric.oracle("n1", "ip -j route show type blackhole").first?["dst"].string == "10.244.1.0/24")
    #expect(try fabric.oracle("n1", "ip -6 -j route show type blackhole").first?["metric"].int == 8192)
    // A bridge with the range, and a pod's own route, go before.
    try fabric.run("n1", "ip link add cni0 type bridge")
    try fabric.run("n1", "ip link set cni0 up")
    try fabric.run("n1", "ip addr add 10.244.1.1/24 dev cni0")
    try fabric.run("n1", "ip addr add fd00:10:244:1::1/64 dev cni0 nodad")
    #expect(try fabric.oracle("n1", "ip -j route get 10.244.1.77").first?["dev"].string == "cni0")
    #expect(try fabric.oracle("n1", "ip -6 -j route get fd00:10:244:1::77").first?["dev"].string == "cni0")
    #expect(try fabric.nodes["n1"]!.router.repair() == 0, "both stay")
  }

  @Test func nodesComeAndGo() throws {
    let fabric = try Fabric()
    for number in 1...3 { try fabric.add(number, pods: [.v4, .v6]) }
    try fabric.settle()
    let first = try #require(fabric.nodes["n1"])
    let second = try #require(fabric.nodes["n2"])
    #expect(try first.router.apply([("n2", nil)]) == 5, "two routes, two neighbours, one forwarding entry")
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.2.0/24").isEmpty)
    #expect(try fabric.ping("n1", "n2", tries: 1) == false)
    #expect(try fabric.ping("n1", "n3"))
    #expect(try first.router.apply([("n2", second.object)]) == 5)
    #expect(try fabric.ping("n1", "n2"))
    // One node's range becomes another's in one go: replaced, not lost.
    second.object.podRanges = [Prefix("10.244.2.0/24")!]
    var heir = try #require(fabric.nodes["n3"]).object
    heir.podRanges = [Prefix("10.244.2.0/24")!]
    try first.router.apply([("n2", nil), ("n3", heir)])
    #expect(
      try fabric.oracle("n1", "bridge -j fdb show dev swiftlet.1").compactMap { $0["dst"].string } == ["192.168.1.3"])
    #expect(
      try fabric.oracle("n1", "ip -j neigh show dev swiftlet.1").first?["lladdr"].string
        == "\(VTEP.mac(of: "n3", underlay: .v4))")
    #expect(try first.router.repair() == 0)
  }

  /// A node that left while the agent was down: the restarted agent finds what is stale by reading the kernel.
  @Test(arguments: [RoutingMode.vxlan, .hostGateway])
  func aNodeThatLeftUnseenIsForgotten(mode: RoutingMode) throws {
    let fabric = try Fabric()
    for number in 1...3 { try fabric.add(number, mode: mode) }
    try fabric.settle()
    let first = try #require(fabric.nodes["n1"])
    try first.restart(mode: mode)
    try first.router.synchronize(fabric.objects.filter { $0.name != "n2" })
    #expect(try fabric.oracle("n1", "ip -j route show 10.244.2.0/24").isEmpty)
    #expect(try fabric.oracle("n1", "ip -j neigh show nud permanent").count == (mode == .vxlan ? 1 : 0))
    #expect(try fabric.ping("n1", "n3"))
  }

  /// A node gets another address: its own link is made anew, its peers replace theirs.
  @Test(arguments: [RoutingMode.vxlan, .hostGateway, .crossSubnet])
  func aNodesAddressChanges(mode: RoutingMode) throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, mode: mode) }
    try fabric.settle()
    let second = try #require(fabric.nodes["n2"])
    try fabric.run("n2", "ip addr del 192.168.1.2/24 dev eth0")
    try fabric.run("n2", "ip addr add 192.168.1.99/24 dev eth0")
    try fabric.run("n2", "ip route add default via 192.168.1.254")
    second.object.addresses = [IPAddress("192.168.1.99")!]
    try second.router.apply([("n2", second.object)])
    try fabric.publish(second)
    #expect(try fabric.ping("n1", "n2"))
    #expect(try fabric.ping("n2", "n1"))
    #expect(try fabric.run("n1", "ip route").output.contains("192.168.1.2 ") == false)
    for node in fabric.nodes.values { #expect(try node.router.repair() == 0) }
  }

  @Test(arguments: [
    "ip route del 10.244.2.0/24", "ip neigh del 10.244.2.0 dev swiftlet.1", "ip link set swiftlet.1 down",
    "ip link del swiftlet.1", "ip link set swiftlet.1 mtu 1300",
    "bridge fdb del \(VTEP.mac(of: "n2", underlay: .v4)) dev swiftlet.1 dst 192.168.1.2 self",
    "ip route replace 10.244.2.0/24 via 192.168.1.254", "ip addr flush dev swiftlet.1",
    "ip -6 route del fd00:10:244:2::/64", "ip route del blackhole 10.244.1.0/24 metric 8192",
    "ip link set swiftlet.1 address 02:00:00:00:00:01", "sysctl -q -w net.ipv4.conf.swiftlet/1.rp_filter=1",
  ])
  func driftIsRepaired(damage: String) throws {
    let fabric = try Fabric()
    for number in 1...2 { try fabric.add(number, pods: [.v4, .v6]) }
    try fabric.settle()
    #expect(try fabric.run("n1", damage).status.isSuccess)
    let first = try #require(fabric.nodes["n1"])
    #expect(try first.router.repair() > 0)
    for family in IPFamily.allCases { #expect(try fabric.ping("n1", "n2", family, size: 1450)) }
    #expect(try first.router.repair() == 0)
  }

  @Test func aMissingNodeAddressIsExplained() throws {
    let fabric = try Fabric()
    let node = try fabric.add(1)
    node.object.addresses = [IPAddress("192.0.2.1")!]
    let error = #expect(throws: RoutingError.self) { try node.router.synchronize([node.object]) }
    #expect(error?.description.contains("192.0.2.1") == true)
    // One family less is no reason to leave the other.
    node.object.addresses = [IPAddress("192.168.1.1")!, IPAddress("2001:db8::1")!]
    try node.router.synchronize([node.object])
    #expect(node.router.problems.first?.reason.contains("2001:db8::1") == true)
  }
}
