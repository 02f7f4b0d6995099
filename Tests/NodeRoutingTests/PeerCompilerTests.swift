import Addressing
import ClusterModel
import Netlink
import NodeRouting
import Testing

/// From a peer to the kernel's entries, as `ip` would write them.
@Suite struct PeerCompilerTests {
  struct Case: Sendable {
    var name: String
    var own: [String] = ["192.0.2.1"]
    var mode: RoutingMode = .vxlan
    var peer: [String] = ["192.0.2.2"]
    var pods: [String] = ["10.244.2.0/24"]
    var adjacency: Adjacency = .onLink(interface: 2)
    var annotations: [String: String] = [:]
    var routes: [String] = []
    var forwarding: [String] = []
    var problem: String?
  }

  private static let mac4 = VTEP.mac(of: "b", underlay: .v4)
  private static let mac6 = VTEP.mac(of: "b", underlay: .v6)
  private static let gateway4 = VTEP(id: 1, mac: mac4).linkLocal
  private static let gateway6 = VTEP(id: 1, mac: mac6).linkLocal
  private static let router = IPAddress("192.0.2.254")!

  static let cases: [Case] = [
    Case(
      name: "VXLAN over IPv4", routes: ["10.244.2.0/24 via 10.244.2.0 dev #11 onlink"],
      forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(
      name: "IPv6 pods over IPv4", pods: ["fd00:0:0:2::/64"],
      routes: ["fd00:0:0:2::/64 via \(gateway4) dev #11 metric 1024"], forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(
      name: "dual stack", own: ["192.0.2.1", "2001:db8::1"], peer: ["192.0.2.2", "2001:db8::2"],
      pods: ["10.244.2.0/24", "fd00:0:0:2::/64"],
      routes: [
        "10.244.2.0/24 via 10.244.2.0 dev #11 onlink", "fd00:0:0:2::/64 via \(gateway6) dev #12 metric 1024",
      ], forwarding: ["\(mac4) dst 192.0.2.2", "\(mac6) dst 2001:db8::2"]),
    Case(
      name: "dual stack pods, one of the nodes has no IPv6 address", own: ["192.0.2.1", "2001:db8::1"],
      pods: ["10.244.2.0/24", "fd00:0:0:2::/64"],
      routes: [
        "10.244.2.0/24 via 10.244.2.0 dev #11 onlink", "fd00:0:0:2::/64 via \(gateway4) dev #11 metric 1024",
      ], forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(
      name: "IPv4 pods over IPv6", own: ["2001:db8::1"], peer: ["2001:db8::2"],
      routes: ["10.244.2.0/24 via 10.244.2.0 dev #12 onlink"], forwarding: ["\(mac6) dst 2001:db8::2"]),
    Case(
      name: "several ranges share the first one's gateway", pods: ["10.244.2.0/24", "10.244.9.0/25"],
      routes: ["10.244.2.0/24 via 10.244.2.0 dev #11 onlink", "10.244.9.0/25 via 10.244.2.0 dev #11 onlink"],
      forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(name: "no address in common", own: ["2001:db8::1"], problem: "no VXLAN tunnel end that this node can reach"),
    Case(
      name: "another VXLAN network", annotations: [RouteAnnotation.vtep: #"{"VNI":5,"VtepMAC":"02:00:00:00:00:01"}"#],
      problem: "VXLAN network 5, this node is in 1"),
    Case(
      name: "our own tunnel end",
      annotations: [RouteAnnotation.vtep: VTEP(id: 1, mac: VTEP.mac(of: "own", underlay: .v4)).text],
      problem: "this node's own"),
    Case(name: "host-gw", mode: .hostGateway, routes: ["10.244.2.0/24 via 192.0.2.2 dev #2"]),
    Case(
      name: "host-gw behind a router", mode: .hostGateway, adjacency: .behind(gateway: router),
      problem: "behind the router 192.0.2.254"),
    Case(name: "host-gw, no route", mode: .hostGateway, adjacency: .unreachable, problem: "no route to its address"),
    Case(name: "host-gw, our address", mode: .hostGateway, adjacency: .here, problem: "this machine's own"),
    Case(
      name: "host-gw, IPv6 pods without IPv6 nodes", mode: .hostGateway, pods: ["10.244.2.0/24", "fd00:0:0:2::/64"],
      routes: ["10.244.2.0/24 via 192.0.2.2 dev #2"], problem: "no IPv6 address in common"),
    Case(
      name: "host-gw, IPv4 pods through an IPv6 gateway", own: ["2001:db8::1"], mode: .hostGateway,
      peer: ["2001:db8::2"], routes: ["10.244.2.0/24 via 2001:db8::2 dev #2"]),
    Case(name: "cross-subnet, near", mode: .crossSubnet, routes: ["10.244.2.0/24 via 192.0.2.2 dev #2"]),
    Case(
      name: "cross-subnet, far", mode: .crossSubnet, adjacency: .behind(gateway: router),
      routes: ["10.244.2.0/24 via 10.244.2.0 dev #11 onlink"], forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(
      name: "cross-subnet, near, IPv6 pods without IPv6 nodes", mode: .crossSubnet, pods: ["fd00:0:0:2::/64"],
      routes: ["fd00:0:0:2::/64 via \(gateway4) dev #11 metric 1024"], forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(name: "ipip", mode: .ipip, routes: ["10.244.2.0/24 via 192.0.2.2 dev #13 onlink"]),
    Case(
      name: "ipip carries IPv4, VXLAN the rest", mode: .ipip, pods: ["10.244.2.0/24", "fd00:0:0:2::/64"],
      routes: [
        "10.244.2.0/24 via 192.0.2.2 dev #13 onlink", "fd00:0:0:2::/64 via \(gateway4) dev #11 metric 1024",
      ], forwarding: ["\(mac4) dst 192.0.2.2"]),
    Case(name: "ipip inside a subnet", mode: .ipipCrossSubnet, routes: ["10.244.2.0/24 via 192.0.2.2 dev #2"]),
    Case(
      name: "ipip across", mode: .ipipCrossSubnet, adjacency: .behind(gateway: router),
      routes: ["10.244.2.0/24 via 192.0.2.2 dev #13 onlink"]),
    Case(
      name: "a pod range of one address", pods: ["10.244.2.7/32"],
      routes: ["10.244.2.7/32 via 10.244.2.7 dev #11 onlink"], forwarding: ["\(mac4) dst 192.0.2.2"]),
  ]

  @Test(arguments: cases)
  func table(_ test: Case) {
    let own = RoutePeer(
      node: "own", mode: test.mode, underlay: test.own.map { IPAddress($0)! }, podRanges: [Prefix("10.244.1.0/24")!])
    let peer = RoutePeer(
      node("b", mode: test.mode, at: test.peer, pods: test.pods, annotations: test.annotations))
    let compiler = PeerCompiler(own: own)
    let plan = compiler.plan(peer) { _ in test.adjacency }
    let entries = compiler.entries(plan, interfaces: [.vxlan4: 11, .vxlan6: 12, .ipip: 13])
    #expect(entries.routes.map(\.description) == test.routes, "\(test.name)")
    #expect(
      entries.forwarding.map { "\($0.mac) dst \($0.destination!)" } == test.forwarding, "\(test.name)")
    // Each gateway of a tunnel has its neighbour, and no other.
    let gateways = Set(entries.routes.filter { $0.interface == 11 || $0.interface == 12 }.compactMap(\.gateway))
    #expect(Set(entries.neighbours.map(\.address)) == gateways, "\(test.name)")
    #expect(entries.neighbours.count == gateways.count, "\(test.name)")
    if let problem = test.problem {
      #expect(plan.problems.contains { $0.description.hasPrefix("node b: ") && $0.reason.contains(problem) })
    } else {
      #expect(plan.problems.isEmpty, "\(test.name): \(plan.problems)")
    }
  }

  @Test func ownRangesHaveABlackhole() {
    let own = RoutePeer(node: "own", mode: .vxlan, podRanges: [Prefix("10.244.1.0/24")!, Prefix("fd00::/64")!])
    #expect(
      PeerCompiler(own: own).ownRoutes.map(\.description) == [
        "blackhole 10.244.1.0/24 metric 8192", "blackhole fd00::/64 metric 8192",
      ])
  }

  /// Nodes of different modes: to each peer in the way it receives; what needs both sides only where both have it.
  @Test func modesMix() {
    for peer in RoutingMode.allCases { #expect(peer.sending(from: peer) == peer) }
    #expect(RoutingMode.hostGateway.sending(from: .vxlan) == .hostGateway)
    #expect(RoutingMode.wireguard.sending(from: .vxlan) == .vxlan)
    #expect(RoutingMode.vxlan.sending(from: .wireguard) == .vxlan)
    #expect(RoutingMode.bgp.sending(from: .ipip) == .crossSubnet)
  }
}
