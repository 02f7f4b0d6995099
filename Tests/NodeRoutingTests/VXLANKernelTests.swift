import Addressing
import ClusterModel
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

/// Two nodes and the network between them, each a namespace; "pods" are addresses on the nodes' loopback.
@Suite(.serialized) struct VXLANKernelTests {
  let fabric: NetworkNamespace
  let nodes: [NetworkNamespace]
  let routing: [VXLANRouting]
  let objects: [Node]

  init() throws {
    fabric = try NetworkNamespace.create()
    let fabricRoutes = try RouteSocket(namespace: fabric)
    try fabricRoutes.perform(.addLink(.bridge, .init(name: "wires", isUp: true)))
    let bridge = try #require(try fabricRoutes.link(.name("wires")))
    var nodes: [NetworkNamespace] = []
    var routing: [VXLANRouting] = []
    var objects: [Node] = []
    for number in 1...2 {
      let namespace = try NetworkNamespace.create()
      let routes = try RouteSocket(namespace: namespace)
      try fabricRoutes.perform(
        .addLink(
          .veth(peer: .init(name: "eth0"), in: namespace),
          .init(name: "node\(number)", master: bridge.index, isUp: true)))
      try routes.perform([.setLink(.name("eth0"), .init(isUp: true)), .setLink(.name("lo"), .init(isUp: true))])
      let underlay = try #require(try routes.link(.name("eth0"))).index
      let loopback = try #require(try routes.link(.name("lo"))).index
      let address = IPAddress("192.168.77.1\(number)")!
      try routes.perform([
        .addAddress(.init(interface: underlay, address, prefixLength: 24)),
        .addAddress(.init(interface: loopback, IPAddress("10.244.\(number).5")!, prefixLength: 32)),
      ])
      nodes.append(namespace)
      let one = try VXLANRouting(.init(nodeName: "n\(number)", publicAddress: address, namespace: namespace))
      routing.append(one)
      var object = Node(name: "n\(number)")
      object.podRanges = [Prefix("10.244.\(number).0/24")!]
      object.annotations = one.announcement.annotations
      objects.append(object)
    }
    (self.nodes, self.routing, self.objects) = (nodes, routing, objects)
  }

  private func topology(_ number: Int, _ objects: [Node]? = nil) -> VXLANTopology {
    VXLANTopology(own: "n\(number + 1)", nodes: objects ?? self.objects)
  }

  private func oracle(_ number: Int, _ command: String) throws -> [JSON] {
    let result = try ChildProcess.run(command.split(separator: " ").map(String.init), namespace: nodes[number])
    return result.output.isEmpty ? [] : try JSON(parsing: result.standardOutput).elements
  }

  private func ping(size: Int = 56) throws -> Bool {
    try ChildProcess.run(
      ["ping", "-c", "1", "-W", "1", "-M", "do", "-s", "\(size)", "-I", "10.244.1.5", "10.244.2.5"],
      namespace: nodes[0]
    ).status.isSuccess
  }

  @Test func podsOfTwoNodesReachOneAnother() throws {
    for number in 0...1 { try routing[number].apply(topology(number)) }
    let link = try #require(try oracle(0, "ip -j -d link show swiftlet.1").first)
    #expect(link["mtu"].int == 1450)
    #expect(link["linkinfo", "info_data", "id"].int == 1)
    #expect(link["linkinfo", "info_data", "port"].int == 8472)
    #expect(link["linkinfo", "info_data", "learning"].bool == false)
    let route = try #require(try oracle(0, "ip -j route show 10.244.2.0/24").first)
    #expect(route["gateway"].string == "10.244.2.0")
    #expect(route["flags"].elements.contains("onlink"))
    #expect(try oracle(0, "ip -j neigh show dev swiftlet.1").first?["state"].elements == ["PERMANENT"])
    #expect(try oracle(0, "bridge -j fdb show dev swiftlet.1").contains { $0["dst"].string == "192.168.77.12" })
    #expect(try ping())
    #expect(try ping(size: 1450 - 28), "a packet of the pods' MTU passes in one piece")
    #expect(try ping(size: 1450 - 27) == false)
    #expect(try routing[0].podMTU() == 1450)
  }

  @Test func aSecondPassAndARestartChangeNothing() throws {
    try routing[0].apply(topology(0))
    #expect(try routing[0].apply(topology(0)) == 0)
    let restarted = try VXLANRouting(
      .init(nodeName: "n1", publicAddress: IPAddress("192.168.77.11")!, namespace: nodes[0]))
    #expect(try restarted.apply(topology(0)) == 0)
  }

  @Test func nodesComeAndGo() throws {
    for number in 0...1 { try routing[number].apply(topology(number)) }
    try routing[0].apply(topology(0, [objects[0]]))
    #expect(try oracle(0, "ip -j route show 10.244.2.0/24").isEmpty)
    #expect(try oracle(0, "ip -j neigh show dev swiftlet.1").isEmpty)
    #expect(try oracle(0, "bridge -j fdb show dev swiftlet.1").isEmpty)
    #expect(try ping() == false)
    try routing[0].apply(topology(0))
    #expect(try ping())
  }

  /// A node that left while the agent was down: the restarted agent finds what is stale by reading the kernel.
  @Test func aNodeThatLeftUnseenIsForgotten() throws {
    for number in 0...1 { try routing[number].apply(topology(number)) }
    let restarted = try VXLANRouting(
      .init(nodeName: "n1", publicAddress: IPAddress("192.168.77.11")!, namespace: nodes[0]))
    #expect(try restarted.apply(topology(0, [objects[0]])) == 3)
    #expect(try oracle(0, "ip -j route show 10.244.2.0/24").isEmpty)
  }

  @Test(arguments: [
    "ip route del 10.244.2.0/24", "ip neigh del 10.244.2.0 dev swiftlet.1", "ip link set swiftlet.1 down",
    "ip link del swiftlet.1", "ip link set swiftlet.1 mtu 1300", "bridge fdb flush dev swiftlet.1",
  ])
  func driftIsRepaired(damage: String) throws {
    for number in 0...1 { try routing[number].apply(topology(number)) }
    _ = try ChildProcess.run(damage.split(separator: " ").map(String.init), namespace: nodes[0])
    #expect(try routing[0].repair(topology(0)) > 0)
    #expect(try ping(size: 1450 - 28))
    #expect(try routing[0].repair(topology(0)) == 0)
  }

  @Test func aMissingNodeAddressIsExplained() throws {
    let lost = try VXLANRouting(.init(nodeName: "n1", publicAddress: IPAddress("192.0.2.1")!, namespace: nodes[0]))
    let error = #expect(throws: RoutingError.self) { try lost.apply(topology(0)) }
    #expect(error?.description.contains("192.0.2.1") == true)
  }
}
