import Addressing
import Netlink
import NodeRouting
import Testing

/// A key that is easily told from others.
func testKey(_ number: UInt8) -> WireGuardPublicKey { WireGuardPublicKey([UInt8](repeating: number, count: 32))! }

@Suite struct WireGuardPlanTests {
  private static let own = RoutePeer(
    node: "own", underlay: [IPAddress("192.0.2.1")!, IPAddress("2001:db8::1")!], podRanges: [Prefix("10.244.1.0/24")!])

  private static func peer(
    _ node: String, _ key: UInt8?, next: UInt8? = nil, port: UInt16 = 51820, at underlay: [String] = ["192.0.2.2"],
    pods: [String] = ["10.244.2.0/24"]
  ) -> RoutePeer {
    var annotations: [String: String] = [:]
    if let key {
      annotations[RouteAnnotation.wireguard] =
        WireGuardAnnouncement(port: port, publicKey: testKey(key), nextKey: next.map(testKey)).text
    }
    return RoutePeer(
      node: node, mode: .wireguard, underlay: underlay.map { IPAddress($0)! }, podRanges: pods.map { Prefix($0)! },
      annotations: annotations)
  }

  private func plan(_ peers: [RoutePeer], own: RoutePeer = own) -> WireGuardPlan {
    var plan = WireGuardPlan(own: own, ownKeys: [testKey(200), testKey(201)], underlayMTU: 1500)
    for peer in peers { plan.set(peer) }
    return plan
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var peer: RoutePeer
    var endpoint: String?
    var problem: String?
    var mtu: UInt32?
  }

  @Test(arguments: [
    Case(testDescription: "IPv4", peer: peer("a", 1), endpoint: "192.0.2.2:51820"),
    Case(
      testDescription: "both families", peer: peer("a", 1, at: ["192.0.2.2", "2001:db8::2"]),
      endpoint: "192.0.2.2:51820"),
    Case(
      testDescription: "IPv6 alone", peer: peer("a", 1, port: 9, at: ["2001:db8::2"]), endpoint: "[2001:db8::2]:9",
      mtu: 1420),
    Case(testDescription: "no key", peer: peer("a", nil), problem: "no public key"),
    Case(testDescription: "no address", peer: peer("a", 1, at: []), problem: "no address of a family"),
    Case(testDescription: "our key", peer: peer("a", 200), problem: "key of node own"),
    Case(testDescription: "our next key", peer: peer("a", 1, next: 201), problem: "key of node own"),
  ])
  func aPeer(_ one: Case) {
    let plan = plan([one.peer])
    #expect(plan.peers["a"]?.endpoint.description == one.endpoint)
    #expect(plan.peers["a"]?.mtu == one.mtu)
    #expect(plan.problems["a"]?.description.contains(one.problem ?? "-") == (one.problem == nil ? nil : true))
  }

  @Test func oneKeyIsOneNodes() {
    var plan = plan([Self.peer("a", 1, next: 2), Self.peer("b", 2), Self.peer("c", 3)])
    #expect(plan.peers.keys.sorted() == ["a", "c"])
    #expect(plan.problems["b"]?.reason.contains("of node a") == true)
    // The node changes to its next key, which stays its own.
    plan.set(Self.peer("a", 2))
    #expect(plan.peers["a"]?.publicKey == testKey(2))
    #expect(plan.hasKey(testKey(1)) == false)
    plan.remove("a")
    plan.set(Self.peer("b", 2))
    #expect(plan.peers.keys.sorted() == ["b", "c"])
    #expect(plan.problems.isEmpty)
  }

  @Test func overheadIsTheOuterFamilys() {
    #expect(plan([]).mtu == 1440)
    #expect(plan([], own: RoutePeer(node: "own", underlay: [IPAddress("2001:db8::1")!])).mtu == 1420)
  }

  @Test func announcementsReadBackAndFlannelsToo() {
    let announcement = WireGuardAnnouncement(port: 7, publicKey: testKey(9), nextKey: testKey(8))
    #expect(WireGuardAnnouncement(parsing: announcement.text) == announcement)
    #expect(
      WireGuardAnnouncement(parsing: announcement.flannelText) == WireGuardAnnouncement(port: 7, publicKey: testKey(9)))
    let key = testKey(9).base64
    #expect(key.count == 44)
    #expect(WireGuardAnnouncement(parsing: #"{ "PublicKey": "\#(key)" }"#)?.port == 51820)
    for wrong in [
      "", "null", "{}", #"{"PublicKey":"AAAA"}"#, #"{"PublicKey":"\#(key)","Port":0}"#,
      #"{"PublicKey":"\#(key)","Port":70000}"#, #"{"PublicKey":7}"#,
    ] {
      #expect(WireGuardAnnouncement(parsing: wrong) == nil, "\(wrong)")
    }
  }

  /// Our annotation says more; flannel's counts where they contradict one another.
  @Test func flannelTakesANodeOver() {
    var peer = Self.peer("a", 1, next: 2)
    #expect(WireGuardAnnouncement(peer)?.nextKey == testKey(2))
    peer.annotations["flannel.alpha.coreos.com/backend-type"] = "wireguard"
    peer.annotations["flannel.alpha.coreos.com/backend-data"] = #"{"PublicKey":"\#(testKey(1).base64)","Port":51820}"#
    #expect(WireGuardAnnouncement(peer)?.nextKey == testKey(2))
    peer.annotations["flannel.alpha.coreos.com/backend-data"] = #"{"PublicKey":"\#(testKey(5).base64)","Port":51820}"#
    #expect(WireGuardAnnouncement(peer) == WireGuardAnnouncement(port: 51820, publicKey: testKey(5)))
    peer.annotations["flannel.alpha.coreos.com/backend-type"] = "vxlan"
    #expect(WireGuardAnnouncement(peer)?.publicKey == testKey(1))
  }
}
