import Addressing
import ClusterModel
import NodeRouting
import Testing

@Suite struct BGPSpeakerTests {
  @Test func aMeshIsASessionAFamilyWithEveryNode() {
    let speaker = bgpSpeaker(bgpNode(1), [bgpNode(2), bgpNode(3), bgpNode(1)])
    #expect(speaker.sessions.map(\.name) == ["node.n2.v4", "node.n2.v6", "node.n3.v4", "node.n3.v6"])
    #expect(speaker.sessions.allSatisfy { $0.isInternal && $0.multihop == 0 && $0.password == nil })
    #expect(speaker.routerID == IPv4Address(192, 168, 77, 11))
    #expect(speaker.problems.isEmpty)
  }

  @Test(arguments: [
    ("swiftlet.dev/bgp-as", "65001", UInt32(65001), 0), ("projectcalico.org/ASNumber", "1.1", 65537, 0),
    ("swiftlet.dev/bgp-as", "many", 64512, 1), ("swiftlet.dev/bgp-as", "", 64512, 0),
  ])
  func aNodeMayBeOfAnotherSystem(annotation: String, value: String, number: UInt32, problems: Int) {
    let speaker = bgpSpeaker(bgpNode(1), [bgpNode(2, annotations: [annotation: value])])
    #expect(speaker.sessions.allSatisfy { $0.remoteAS.rawValue == number && $0.localAS.rawValue == 64512 })
    #expect(speaker.problems.count == problems)
    let other = bgpSpeaker(bgpNode(2, annotations: [annotation: value]), [bgpNode(1)])
    #expect(other.asNumber.rawValue == number)
  }

  /// What families the nodes' addresses and pods have, and which channels come of it.
  @Test(arguments: [
    ([IPFamily.v4], [IPFamily.v4], ["node.n2.v4:v4"], 0),
    ([.v6], [.v6], ["node.n2.v6:v6,v4+"], 0),
    ([.v6], [.v4], ["node.n2.v6:v6,v4+"], 0),
    ([.v4], [.v4, .v6], ["node.n2.v4:v4"], 1),
    ([.v4, .v6], [.v4, .v6], ["node.n2.v4:v4", "node.n2.v6:v6"], 0),
  ])
  func familiesDecideTheChannels(nodes: [IPFamily], pods: [IPFamily], expected: [String], problems: Int) {
    let speaker = bgpSpeaker(
      bgpNode(1, families: nodes, podFamilies: pods), [bgpNode(2, families: nodes, podFamilies: pods)])
    let found = speaker.sessions.map { session in
      let channels = session.channels.map { ($0.family == .v4 ? "v4" : "v6") + ($0.hasExtendedNextHop ? "+" : "") }
      return "\(session.name):\(channels.joined(separator: ","))"
    }
    #expect(found == expected)
    #expect(speaker.problems.count == problems)
  }

  @Test func nodesWithoutACommonFamilyAreExplained() {
    let speaker = bgpSpeaker(bgpNode(1, families: [.v4]), [bgpNode(2, families: [.v6])])
    #expect(speaker.sessions.isEmpty)
    #expect(speaker.problems.map(\.node) == ["n2"])
    #expect(bgpSpeaker(bgpNode(1, families: [.v6]), []).routerID.rawValue != 0)
  }

  @Test func reflectorsReplaceTheMesh() {
    var configuration = BGPConfiguration()
    configuration.reflectors = .init(matchLabels: ["reflector": "yes"])
    let reflector = bgpNode(1, families: [.v4], labels: ["reflector": "yes"])
    let annotated = bgpNode(
      4, families: [.v4], annotations: ["projectcalico.org/RouteReflectorClusterID": "10.0.0.4"])
    let plain = [bgpNode(2, families: [.v4]), bgpNode(3, families: [.v4])]
    let all = [reflector, annotated] + plain
    let client = bgpSpeaker(plain[0], all, configuration)
    #expect(client.sessions.map(\.role) == [.node("n1"), .node("n4")])
    #expect(client.clusterID == nil)
    let first = bgpSpeaker(reflector, all, configuration)
    #expect(first.sessions.map(\.role) == [.reflectorClient("n2"), .reflectorClient("n3"), .reflectorPeer("n4")])
    #expect(first.clusterID == configuration.clusterID)
    #expect(bgpSpeaker(annotated, all, configuration).clusterID == IPv4Address(10, 0, 0, 4))
    let wrong = bgpNode(5, annotations: ["swiftlet.dev/bgp-reflector-cluster-id": "one"])
    #expect(bgpSpeaker(wrong, [], configuration).problems.count == 1)
  }

  @Test func withoutAMeshOnlyPeersOutsideAreLeft() throws {
    var configuration = BGPConfiguration()
    configuration.hasNodeMesh = false
    configuration.communities = [.standard(1, 2)]
    var peer = BGPPeer(name: "tor", address: IPAddress("192.168.77.1")!, asNumber: ASNumber(65000)!)
    peer.nodes = .init(matchLabels: ["rack": "a"])
    peer.families = [.v4, .v6]
    peer.communities = [.standard(1, 3)]
    configuration.peers = [peer]
    #expect(bgpSpeaker(bgpNode(1), [bgpNode(2)], configuration).sessions.isEmpty)
    let speaker = bgpSpeaker(bgpNode(1, labels: ["rack": "a"]), [bgpNode(2)], configuration)
    let session = try #require(speaker.sessions.first)
    #expect(speaker.sessions.count == 1)
    #expect(session.role == .external("tor") && !session.isInternal)
    #expect(session.channels.map(\.nextHop) == [nil, IPAddress("fd77::11")])
    #expect(session.communities == [.standard(1, 2), .standard(1, 3)])
    #expect(session.advertise == [.pods])
    let lone = bgpSpeaker(bgpNode(1, families: [.v6], labels: ["rack": "a"]), [], configuration)
    #expect(lone.sessions.isEmpty && lone.problems.first?.reason.contains("tor") == true)
  }

  @Test func longNamesStayApartAndFit() {
    let long = String(repeating: "a", count: 250)
    let names = ["1", "2"].map { BGPSession.name("node", long + $0, .v4) }
    #expect(names[0] != names[1])
    #expect(names.allSatisfy { $0.utf8.count <= 60 })
  }

  /// Who announces a load balancer's address.
  @Test(arguments: [
    (false, [("n2", true)], ["203.0.113.1"]), (false, [], ["203.0.113.1"]), (true, [("n1", true)], ["203.0.113.1"]),
    (true, [("n1", false)], []), (true, [("n2", true)], []), (true, [("n1", false), ("n1", true)], ["203.0.113.1"]),
  ])
  func localTrafficIsAnnouncedWhereItCanBeServed(isLocal: Bool, endpoints: [(String, Bool)], expected: [String]) {
    let service = balancer(
      "web", ["203.0.113.1"], isLocal: isLocal, endpoints: endpoints.map { (node: $0.0, isReady: $0.1) })
    let addresses = BGPServiceAddresses(of: [service], node: "n1", labels: [:])
    #expect(addresses.loadBalancers.map(\.description) == expected)
  }

  @Test func otherServicesAnnounceNothing() {
    var node = balancer("np", ["203.0.113.1"], isLocal: false, endpoints: [])
    node.service.kind = .nodePort
    var named = balancer("name", ["203.0.113.2"], isLocal: false, endpoints: [])
    named.service.kind = .externalName
    var external = balancer("ext", [], isLocal: false, endpoints: [])
    external.service.kind = .clusterIP
    external.service.externalAddresses = [IPAddress("198.51.100.7")!]
    let twoFamilies = balancer(
      "two", ["203.0.113.3", "2001:db8::3"], isLocal: true, endpoints: [("n1", true)], family: .v6)
    let addresses = BGPServiceAddresses(of: [node, named, external, twoFamilies], node: "n1", labels: [:])
    #expect(addresses.loadBalancers == [IPAddress("2001:db8::3")!], "only the family with an endpoint here")
    #expect(addresses.externalIPs == [IPAddress("198.51.100.7")!])
    let excluded = BGPServiceAddresses(
      of: [twoFamilies], node: "n1", labels: [BGPServiceAddresses.exclusionLabel: ""])
    #expect(excluded.loadBalancers.isEmpty)
  }
}
