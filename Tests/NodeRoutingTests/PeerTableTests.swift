import Addressing
import ClusterModel
import NodeRouting
import Testing

@Suite struct PeerTableTests {
  private func ranges(_ table: PeerTable, _ name: String) -> [String]? {
    table.resolve(name).map { $0.peer.podRanges.map(\.description) }
  }

  @Test func aNodeAsItsObjectSays() throws {
    let peers = table([
      node("b", mode: .ipipCrossSubnet, at: ["192.0.2.2", "2001:db8::2"], pods: ["10.244.2.0/24", "fd00:0:0:2::/64"])
    ])
    let peer = try #require(peers.resolve("b")).peer
    #expect(peer.mode == .ipipCrossSubnet)
    #expect(peer.underlay == [IPAddress("192.0.2.2")!, IPAddress("2001:db8::2")!])
    #expect(peer.podRanges(.v6) == [Prefix("fd00:0:0:2::/64")!])
    #expect(peer.vtep(.v4)?.mac == VTEP.mac(of: "b", underlay: .v4))
    #expect(peer.vtep(.v6)?.mac == VTEP.mac(of: "b", underlay: .v6))
    #expect(peers.resolve("c") == nil)
  }

  /// The first by name keeps what two claim; this node always keeps its own; order of arrival does not matter.
  @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]])
  func overlappingRangesHarmOnlyTheLater(order: [Int]) {
    let nodes = [
      node("own", at: ["192.0.2.1"], pods: ["10.244.1.0/24"]),
      node("a", at: ["192.0.2.2"], pods: ["10.244.1.0/25", "10.244.7.0/24", "fd00:0:0:a::/64"]),
      node("b", at: ["192.0.2.3"], pods: ["10.244.2.0/23"]), node("c", at: ["192.0.2.4"], pods: ["10.244.3.0/24"]),
    ]
    let peers = table(order.map { nodes[$0] })
    #expect(ranges(peers, "own") == ["10.244.1.0/24"])
    #expect(ranges(peers, "a") == ["10.244.7.0/24", "fd00:0:0:a::/64"], "its other ranges are routed")
    #expect(ranges(peers, "b") == ["10.244.2.0/23"])
    #expect(ranges(peers, "c") == [])
    #expect(peers.resolve("a")?.problems.map(\.node) == ["a"])
    #expect(peers.resolve("c")?.problems.first?.description.contains("10.244.2.0/23 of node b") == true)
    #expect(peers.resolve("b")?.problems == [])
  }

  /// Whoever lost a range gets it when the other leaves, and is named as concerned.
  @Test func whatANodeLeavesOthersGet() {
    var peers = table([
      node("a", at: ["192.0.2.2"], pods: ["10.244.2.0/24"]), node("b", at: ["192.0.2.3"], pods: ["10.244.2.0/24"]),
      node("c", at: ["192.0.2.4"], pods: ["10.244.3.0/24"]),
    ])
    #expect(ranges(peers, "b") == [])
    #expect(peers.set("a", nil) == ["a", "b"], "and nobody else")
    #expect(ranges(peers, "b") == ["10.244.2.0/24"])
    #expect(peers.resolve("b")?.problems == [])
    #expect(peers.set("c", RoutePeer(node("c", at: ["192.0.2.4"], pods: ["10.244.3.0/24"]))) == [], "nothing new")
    #expect(peers.set("c", RoutePeer(node("c", at: ["192.0.2.5"], pods: ["10.244.3.0/24"]))) == ["c"])
  }

  /// A range with a node's address in it would lead packets for that node into themselves.
  @Test func rangesThatHoldANodeAreRefused() {
    var peers = table([
      node("a", at: ["10.0.0.5"], pods: ["10.244.2.0/24"]), node("b", at: ["10.9.0.5"], pods: ["10.0.0.0/16"]),
      node("c", at: ["10.9.0.6"], pods: ["0.0.0.0/0"]),
    ])
    #expect(ranges(peers, "b") == [])
    #expect(peers.resolve("b")?.problems.first?.reason.contains("10.0.0.5, the address of node a") == true)
    #expect(ranges(peers, "c") == [])
    #expect(peers.set("a", RoutePeer(node("a", at: ["10.9.0.9"], pods: ["10.244.2.0/24"]))).contains("b"))
    #expect(ranges(peers, "b") == ["10.0.0.0/16"])
  }

  @Test func oneTunnelEndIsOneNodes() {
    let data = [RouteAnnotation.flannelData: #"{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}"#]
    var peers = table([
      node("a", at: ["192.0.2.2"], pods: ["10.244.2.0/24"], annotations: data),
      node("b", at: ["192.0.2.3"], pods: ["10.244.3.0/24"], annotations: data),
    ])
    #expect(ranges(peers, "a") == ["10.244.2.0/24"])
    #expect(ranges(peers, "b") == [])
    #expect(peers.resolve("b")?.problems.first?.reason.contains("02:00:00:00:00:01 that node a") == true)
    #expect(peers.set("a", nil) == ["a", "b"])
    #expect(ranges(peers, "b") == ["10.244.3.0/24"])
  }

  @Test func oneAddressOfTwoNodesIsReported() {
    let peers = table([
      node("a", at: ["192.0.2.2"], pods: ["10.244.2.0/24"]), node("b", at: ["192.0.2.2"], pods: ["10.244.3.0/24"]),
    ])
    #expect(peers.resolve("b")?.problems.first?.reason.contains("192.0.2.2 that node a announces too") == true)
    #expect(ranges(peers, "b") == ["10.244.3.0/24"], "a node may have a new name and an old object")
  }

  /// Annotation values as flannel writes them, and what is none.
  @Test func tunnelEndsAreRead() {
    let vtep = VTEP(id: 7, mac: MACAddress("0a:00:00:00:00:0f")!)
    #expect(VTEP(parsing: vtep.text) == vtep)
    #expect(VTEP(parsing: #"{ "VtepMAC": "0a:00:00:00:00:0f", "VNI": 7, "More": [] }"#) == vtep)
    #expect(VTEP(parsing: #"{"VtepMAC":"0a:00:00:00:00:0f"}"#)?.id == 1)
    for wrong in [
      "null", "", "{}", #"{"VtepMAC":"no"}"#, #"{"VtepMAC"#, #"{"VNI":-1,"VtepMAC":"0a:00:00:00:00:0f"}"#,
      #"{"VNI":16777216,"VtepMAC":"0a:00:00:00:00:0f"}"#, #"{"VNI":1,"VtepMAC":"01:00:5e:00:00:01"}"#,
    ] { #expect(VTEP(parsing: wrong) == nil, "\(wrong)") }
    // RFC 4291, appendix A: 34-56-78-9A-BC-DE gives 3656:78FF:FE9A:BCDE.
    #expect(VTEP(id: 1, mac: MACAddress("34:56:78:9a:bc:de")!).linkLocal == IPAddress("fe80::3656:78ff:fe9a:bcde"))
    #expect(VTEP.mac(of: "a", underlay: .v4) != VTEP.mac(of: "a", underlay: .v6))
    #expect(VTEP.mac(of: "a", underlay: .v4).isLocal && !VTEP.mac(of: "a", underlay: .v4).isMulticast)
  }

  /// A node that flannel took over again: our annotations are still there, and no longer true.
  @Test func theNewerAnnotationCounts() {
    var back = node("b", mode: .wireguard, pods: ["10.244.2.0/24"])
    back.annotations[RouteAnnotation.flannelType] = "vxlan"
    back.annotations[RouteAnnotation.flannelData] = #"{"VNI":1,"VtepMAC":"0a:00:00:00:00:0f"}"#
    #expect(RoutePeer(back).mode == .vxlan)
    #expect(RoutePeer(back).vtep(.v4)?.mac == MACAddress("0a:00:00:00:00:0f"))
    for (type, mode) in [("host-gw", RoutingMode.hostGateway), ("ipip", .ipip), ("wireguard", .wireguard)] {
      back.annotations[RouteAnnotation.mode] = nil
      back.annotations[RouteAnnotation.flannelType] = type
      #expect(RoutePeer(back).mode == mode)
    }
    back.annotations[RouteAnnotation.flannelType] = "udp"
    #expect(RoutePeer(back).mode == nil)
  }

  /// The node's own addresses are its machine's, not what it announces to others behind address translation.
  @Test func ownAddresses() {
    let own = node(
      "own", at: ["10.0.0.1", "10.0.0.2", "2001:db8::1"], pods: ["10.244.1.0/24"],
      annotations: [RouteAnnotation.publicIP: "203.0.113.1", RouteAnnotation.nodePublicIP: "10.0.0.2"])
    #expect(RoutePeer(own: own, mode: .vxlan).underlay == [IPAddress("10.0.0.2")!, IPAddress("2001:db8::1")!])
    #expect(RoutePeer(own).underlay.first == IPAddress("203.0.113.1"))
    #expect(RoutePeer(own: own, mode: .vxlan).annotations[RouteAnnotation.publicIP] == nil)
  }
}
