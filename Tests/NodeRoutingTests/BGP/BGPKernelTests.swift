import Addressing
import Glibc
import JSON
import Linux
import Netlink
import NodeRouting
import Synchronization
import Testing

/// BIRD on three nodes, real sessions, and `ip route` as the witness.
@Suite(.serialized) struct BGPKernelTests {
  /// Hears of every route that is taken out of a namespace.
  private final class Removals {
    private let socket: RouteEventSocket
    init(_ namespace: NetworkNamespace) throws { socket = try RouteEventSocket([.routes], namespace: namespace) }

    /// Pod ranges of other nodes that were removed since the last look.
    func take() throws -> [Prefix] {
      var removed: [Prefix] = []
      while true {
        let events = try socket.receive(wait: false)
        if events.isEmpty { return removed }
        for case .routeRemoved(let route) in events
        where bgpPodRanges.contains(where: { $0.contains(route.destination) }) {
          removed.append(route.destination)
        }
        if events.contains(.lost) { Issue.record("events were lost") }
      }
    }
  }

  private func mesh() throws -> BGPTestNetwork {
    let network = try BGPTestNetwork([1, 2, 3].map { bgpNode($0) })
    try network.start()
    #expect(try eventually { try network.learned(0) == ["10.244.2.0/24", "10.244.3.0/24"] })
    #expect(try eventually { try network.learned(0, "v6") == ["fd00:10:244:2::/64", "fd00:10:244:3::/64"] })
    #expect(try eventually { try network.learned(1).count == 2 && network.learned(2).count == 2 })
    #expect(try eventually { try network.learned(1, "v6").count == 2 && network.learned(2, "v6").count == 2 })
    return network
  }

  @Test func podsOfThreeNodesReachOneAnother() throws {
    let network = try mesh()
    let route = try #require(try network.routes(0, "10.244.2.0/24").first)
    #expect(route["gateway"].string == "192.168.77.12")
    #expect(route["prefsrc"].string == "192.168.77.11")
    #expect(route["metric"].int == 87)
    #expect(try network.routes(0, "fd00:10:244:3::/64").first?["gateway"].string == "fd77::13")
    #expect(try network.ping(0, from: "10.244.1.5", to: "10.244.2.5"))
    #expect(try network.ping(2, from: "fd00:10:244:3::5", to: "fd00:10:244:1::5"))
    #expect(network.backends[0].carries(network.peers[1]))
    #expect(!network.backends[0].carries(bgpNode(4)))
    #expect(try network.backends[0].podMTU() == 1500)

    #expect(try network.pass(0) == 0, "a second pass tells BIRD nothing")
    let session = network.session(0, "node.n2.v4")
    #expect(session["state"].string == "Established")
    #expect(session["routesIn"].int == 1 && session["routesOut"].int == 1)
    #expect(session["role"].string == "node" && session["peer"].string == "n2")
  }

  @Test func aNodeThatLeavesTakesItsRoutesAlong() throws {
    let network = try mesh()
    let removals = try Removals(network.namespaces[0])
    for index in 0...1 { #expect(try network.backends[index].apply([.removed(node: "n3")]) == 1) }
    #expect(try eventually { try network.learned(0) == ["10.244.2.0/24"] })
    #expect(try eventually { try network.learned(0, "v6") == ["fd00:10:244:2::/64"] })
    #expect(Set(try removals.take()) == [Prefix("10.244.3.0/24")!, Prefix("fd00:10:244:3::/64")!])
    #expect(network.session(0, "node.n3.v4").isNull)
    for index in 0...1 { _ = try network.backends[index].apply([.set(network.peers[2])]) }
    #expect(try eventually { try network.learned(0).count == 2 && network.learned(0, "v6").count == 2 })
  }

  /// The next agent finds BIRD running with what it wants, and nothing happens to a route on any node.
  @Test func anAgentsRestartChangesNothing() throws {
    let network = try mesh()
    let pid = network.backends[0].status["bird", "pid"].int
    let removals = try network.namespaces.map { try Removals($0) }
    network.backends[0].detach()
    #expect(try network.ping(1, from: "10.244.2.5", to: "10.244.1.5"), "no agent is needed for that")
    try network.restartAgent(0)
    #expect(network.backends[0].carries(network.peers[2]), "before it has done anything")
    #expect(try network.pass(0) == 0)
    #expect(network.backends[0].status["bird", "pid"].int == pid)
    #expect(try removals.flatMap { try $0.take() }.isEmpty)
    #expect(network.session(0, "node.n2.v4")["state"].string == "Established")
  }

  /// A node left while the agent was down: the next one tells BIRD.
  @Test func whatChangedMeanwhileIsMadeUpFor() throws {
    let network = try mesh()
    try network.restartAgent(0)
    #expect(try network.pass(0, among: Array(network.peers.prefix(2))) == 1)
    #expect(try eventually { try network.learned(0) == ["10.244.2.0/24"] })
  }

  @Test func aKilledBIRDIsStartedAgainWithoutLosingARoute() throws {
    let network = try mesh()
    let ended = Gate()
    network.backends[0].whenBIRDEnds { ended.open() }
    let removals = try network.namespaces.map { try Removals($0) }
    let pid = try #require(network.backends[0].status["bird", "pid"].int)
    kill(pid_t(pid), SIGKILL)
    #expect(ended.wait(timeout: 10))
    #expect(network.backends[0].status["bird", "error"].string?.contains("does not run") == true)
    #expect(try network.ping(0, from: "10.244.1.5", to: "10.244.2.5"), "the kernel goes on")
    #expect(try network.pass(0) == 1)
    #expect(network.backends[0].status["bird", "pid"].int != pid)
    for name in ["node.n2.v4", "node.n2.v6", "node.n3.v4", "node.n3.v6"] {
      #expect(eventually { network.session(0, name)["state"].string == "Established" }, "\(name)")
    }
    #expect(try eventually { try network.learned(0).count == 2 && network.learned(0, "v6").count == 2 })
    #expect(eventually { network.session(0, "node.n2.v4")["routesIn"].int == 1 })
    #expect(try removals.flatMap { try $0.take() }.isEmpty, "no node lost a route at any moment")
  }

  /// A node that is down keeps the others waiting for nothing.
  @Test func aDeadNodeDelaysNobody() throws {
    let network = try BGPTestNetwork([1, 2, 3].map { bgpNode($0) })
    for index in 0...1 { try network.pass(index) }
    let start = try #require(
      try eventually { try network.learned(0) == ["10.244.2.0/24"] } ? network.session(0, "node.n3.v4") : nil)
    #expect(start["state"].string != "Established")
    #expect(!(try Files.readText("\(network.root)/n1/bird.log")).contains("Graceful restart started"))
  }

  @Test func aRouteThatSomeoneTookIsPutBack() throws {
    let network = try mesh()
    let before = RouteEvent.routeRemoved(
      Route(
        Prefix("10.244.2.0/24")!, gateway: IPAddress("192.168.77.12")!, metric: BIRDConfiguration.metric,
        protocolNumber: BIRDConfiguration.routeProtocol))
    #expect(network.backends[0].concerns(before))
    #expect(!network.backends[0].concerns(.routeRemoved(Route(Prefix("10.244.2.0/24")!))))
    try BGPTestNetwork.run("ip route del 10.244.2.0/24 proto bird", in: network.namespaces[0])
    #expect(try network.learned(0) == ["10.244.3.0/24"])
    #expect(try network.pass(0) == 0)
    #expect(try eventually { try network.learned(0).count == 2 })
  }

  /// n1 reflects: the others speak to it alone, and still send one another's packets straight.
  @Test func aReflectorIsNoHop() throws {
    var nodes = [1, 2, 3].map { bgpNode($0) }
    nodes[0].labels = ["swiftlet.dev/reflector": "true"]
    let network = try BGPTestNetwork(nodes, configuration: "reflectors: {nodes: \"swiftlet.dev/reflector=true\"}")
    try network.start()
    #expect(try eventually { try network.learned(1) == ["10.244.1.0/24", "10.244.3.0/24"] })
    #expect(try eventually { try network.learned(2, "v6") == ["fd00:10:244:1::/64", "fd00:10:244:2::/64"] })
    #expect(network.backends[1].status["sessions"].elements.compactMap { $0["peer"].string } == ["n1", "n1"])
    #expect(try network.routes(1, "10.244.3.0/24").first?["gateway"].string == "192.168.77.13")
    #expect(try network.routes(2, "fd00:10:244:2::/64").first?["gateway"].string == "fd77::12")
    #expect(try network.ping(1, from: "10.244.2.5", to: "10.244.3.5"))
    #expect(network.session(0, "node.n2.v4")["role"].string == "client")
  }

  /// Two reflectors: one of them dies, and no route is lost.
  @Test func twoReflectorsStandInForEachOther() throws {
    let nodes = [1, 2, 3, 4].map { number in
      bgpNode(
        number, annotations: number < 3 ? ["swiftlet.dev/bgp-reflector-cluster-id": "244.0.0.\(number)"] : [:])
    }
    let network = try BGPTestNetwork(nodes)
    try network.start()
    let all = ["10.244.1.0/24", "10.244.2.0/24", "10.244.4.0/24"]
    #expect(try eventually { try network.learned(2) == all && network.learned(2, "v6").count == 3 })
    #expect(try eventually { try network.learned(3).count == 3 && network.learned(3, "v6").count == 3 })
    for index in 2...3 {
      for name in ["node.n1.v4", "node.n2.v4", "node.n1.v6", "node.n2.v6"] {
        #expect(eventually { (network.session(index, name)["routesIn"].int ?? 0) >= 2 }, "\(name)")
      }
    }
    let removals = try network.namespaces[2...].map { try Removals($0) }
    #expect(try network.routes(2, "10.244.4.0/24").first?["gateway"].string == "192.168.77.14", "one next hop, not two")
    _ = try network.backends[0].remove()
    #expect(try eventually { try network.learned(2) == ["10.244.2.0/24", "10.244.4.0/24"] })
    #expect(try network.ping(2, from: "10.244.3.5", to: "10.244.4.5"))
    let lost = Set(try removals.flatMap { try $0.take() })
    #expect(lost.isSubset(of: network.peers[0].podRanges), "found \(lost)")
  }

  @Test func nodesOfDifferentSystemsSpeakToo() throws {
    let nodes = [1, 2, 3].map { bgpNode($0, annotations: ["swiftlet.dev/bgp-as": "6500\($0)"]) }
    let network = try BGPTestNetwork(nodes)
    try network.start()
    #expect(try eventually { try network.learned(0).count == 2 && network.learned(2, "v6").count == 2 })
    #expect(try network.ping(0, from: "10.244.1.5", to: "10.244.3.5"))
  }

  /// IPv4 pods on nodes without IPv4 addresses: next hops are IPv6 (RFC 8950).
  @Test func podsOfBothFamiliesOverIPv6Alone() throws {
    let network = try BGPTestNetwork([1, 2].map { bgpNode($0, families: [.v6]) })
    try network.start()
    #expect(try eventually { try network.learned(0).count == 1 && network.learned(0, "v6").count == 1 })
    #expect(try eventually { try network.learned(1).count == 1 })
    let route = try #require(try network.routes(0, "10.244.2.0/24").first)
    #expect(route["via", "host"].string == "fd77::12")
    #expect(try network.ping(0, from: "10.244.1.5", to: "10.244.2.5"))
  }

  @Test func leavingTheModeLeavesNothing() throws {
    let network = try mesh()
    let pid = try #require(network.backends[0].status["bird", "pid"].int)
    #expect(try network.backends[0].remove() > 4)
    #expect(try network.learned(0).isEmpty && network.learned(0, "v6").isEmpty)
    #expect(!Files.exists("\(network.root)/n1") && ProcessHandle(pid: CInt(pid)) == nil)
    #expect(try eventually { try network.learned(1) == ["10.244.3.0/24"] }, "the neighbours were told")
    #expect(try network.backends[0].remove() == 0)
  }
}
