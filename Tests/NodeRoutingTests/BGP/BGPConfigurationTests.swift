import Addressing
import NodeRouting
import Testing

@Suite struct BGPConfigurationTests {
  private func parse(_ text: String, password: String = "secret\n") throws -> BGPConfiguration {
    try BGPConfiguration(parsing: Array(text.utf8), file: "bgp.yaml") { _ in password }
  }

  @Test func nothingSaidIsTheUsual() throws {
    #expect(try parse("") == BGPConfiguration())
    #expect(try parse("{}") == BGPConfiguration())
    let usual = BGPConfiguration()
    #expect(usual.asNumber.rawValue == 64512)
    #expect(usual.hasNodeMesh && usual.port == 179 && usual.peers.isEmpty && usual.advertise == [.pods])
  }

  @Test func everythingIsRead() throws {
    let configuration = try parse(
      """
      as: 65010
      port: 1179
      nodeMesh: false
      reflectors: {nodes: "swiftlet.dev/reflector=true", clusterID: 10.9.9.9}
      holdTime: 30
      advertise: [pods, clusterRange, loadBalancers]
      communities: ["65010:100", "65010:1:2"]
      peers:
      - name: tor-a
        address: 192.0.2.1
        port: 1790
        as: "1.10"
        passwordFile: /etc/p
        nodes: rack=a
        multihop: 2
        families: [IPv4, IPv6]
        advertise: [allPods]
        communities: ["65010:200"]
        accept: [0.0.0.0/0]
      - {name: tor-b, address: "2001:db8::1", as: 65010}
      """)
    #expect(configuration.asNumber == ASNumber(65010))
    #expect(configuration.port == 1179 && configuration.holdTime == 30 && !configuration.hasNodeMesh)
    #expect(configuration.reflectors?.matches(["swiftlet.dev/reflector": "true"]) == true)
    #expect(configuration.clusterID == IPv4Address(10, 9, 9, 9))
    #expect(configuration.advertise == [.pods, .clusterRange, .loadBalancers])
    #expect(configuration.communities == [.standard(65010, 100), .large(65010, 1, 2)])
    let first = try #require(configuration.peers.first)
    #expect(first.asNumber.rawValue == 65546)
    #expect(first.port == 1790 && first.multihop == 2 && first.families == [.v4, .v6])
    #expect(first.password?.text == "secret")
    #expect(first.nodes.matches(["rack": "a"]) && !first.nodes.matches(["rack": "b"]))
    #expect(first.advertise == [.allPods] && first.accept == [Prefix("0.0.0.0/0")!])
    #expect(configuration.peers[1].families == [.v6] && configuration.peers[1].advertise == nil)
    #expect(try parse(#"{"as": 65010}"#).asNumber == ASNumber(65010), "JSON is YAML")
  }

  @Test(arguments: [
    ("as: 0", "field as", "0"), ("as: 23456", "field as", "23456"), ("as: 1.10", "field as", "1.1"),
    ("as: -1", "field as", "-1"), ("as: 4294967295", "field as", "4294967295"),
    ("port: 70000", "field port", "1 to 65535"), ("nodeMesh: 1", "field nodeMesh", "true or false"),
    ("mesh: true", "field mesh", "known are"), ("holdTime: 2", "field holdTime", "3 to 3600"),
    ("advertise: [everything]", "field advertise[0]", "loadBalancers"),
    ("advertise: pods", "field advertise", "a list"), ("communities: [\"1:99999\"]", "field communities[0]", "1:99999"),
    ("communities: [\"\"]", "field communities[0]", "community"),
    ("reflectors: {nodes: \"a in\"}", "field reflectors.nodes", "label selector"),
    ("reflectors: {clusterID: 5}", "field reflectors.clusterID", "identifier"),
    ("reflectors: []", "field reflectors", "an object"),
    ("peers: [{address: 192.0.2.1, as: 1}]", "field peers[0].name", "missing"),
    ("peers: [{name: \"a b\", address: 192.0.2.1, as: 1}]", "field peers[0].name", "a b"),
    ("peers: [{name: a, as: 1}]", "field peers[0].address", "missing"),
    ("peers: [{name: a, address: 192.0.2.256, as: 1}]", "field peers[0].address", "192.0.2.256"),
    ("peers: [{name: a, address: 192.0.2.1}]", "field peers[0].as", "missing"),
    ("peers: [{name: a, address: 192.0.2.1, as: 1, password: x}]", "field peers[0].password", "passwordFile"),
    ("peers: [{name: a, address: 192.0.2.1, as: 1, accept: [10.0.0.1/8]}]", "field peers[0].accept[0]", "host bits"),
    (
      "peers: [{name: a, address: 192.0.2.1, as: 1}, {name: a, address: 192.0.2.2, as: 1}]", "field peers[1].name",
      "two peers"
    ),
    ("as: 1\n  b: 2", "line 2", "bgp.yaml"), ("a: 1\n---\nb: 2", "2 documents", "line"), ("- 1", "bgp.yaml", "object"),
  ])
  func badInputNamesItsPlace(text: String, place: String, reason: String) {
    let error = #expect(throws: (any Error).self) { try parse(text) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains(place), "\(message)")
    #expect(message.contains(reason), "\(message)")
  }

  @Test(arguments: ["", "\n", "with \"quotes\"", "two\nlines", String(repeating: "x", count: 81), "naïve"])
  func unusablePasswordsAreRefusedAndNotTold(password: String) {
    let text = "peers: [{name: a, address: 192.0.2.1, as: 1, passwordFile: /p}]"
    let error = #expect(throws: BGPConfigurationError.self) { try parse(text, password: password) }
    #expect(error?.field == "peers[0].passwordFile")
    if password.count > 3 { #expect(error?.description.contains(password) == false) }
  }

  @Test func passwordsDoNotShowThemselves() throws {
    let peer = try #require(
      try parse("peers: [{name: a, address: 192.0.2.1, as: 1, passwordFile: /p}]", password: "hunter2").peers.first)
    #expect(peer.password?.text == "hunter2")
    #expect(!"\(peer)".contains("hunter2"))
    #expect(!String(reflecting: peer.password).contains("hunter2"))
  }
}
