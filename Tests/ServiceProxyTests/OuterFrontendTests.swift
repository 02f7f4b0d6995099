import Addressing
import ClusterModel
import ServiceProxy
import Testing

/// NodePorts, external and load balancer addresses, policies, hints, affinity: what they compile to.
@Suite struct OuterFrontendTests {
  static let compiler = ServiceCompiler(
    nodeName: "node1", zone: "a", nodeAddresses: [IPAddress("192.0.2.1")!])

  static func balanced(_ endpoints: [EndpointSlice.Endpoint], local: Bool = false) -> ServiceWithEndpoints {
    var input = Fixture.service("web", ["10.96.0.1"], endpoints: endpoints)
    input.service.kind = .loadBalancer
    input.service.ports[0].nodePort = 30080
    input.service.loadBalancerAddresses = [IPAddress("203.0.113.1")!]
    input.service.externalAddresses = [IPAddress("203.0.113.2")!, IPAddress("2001:db8::2")!]
    input.service.isExternalTrafficLocal = local
    return input
  }

  static let here = Fixture.endpoint("10.244.0.1", node: "node1")
  static let there = Fixture.endpoint("10.244.1.1", node: "node2")
  static let nodePort = FrontendKey.nodePort(.v4, .tcp, 30080)
  static let outer = [nodePort, Fixture.key("203.0.113.1"), Fixture.key("203.0.113.2")]

  @Test func everyAddressAndTheNodePort() {
    let compiled = Self.compiler.compile(Self.balanced([Self.here, Self.there]))
    // The address of a family the Service does not have is left out.
    #expect(Set(compiled.frontends.keys) == Set(Self.outer + [Fixture.key("10.96.0.1")]))
    // Only cluster addresses refuse other ports: the others may be the node's own.
    #expect(compiled.addresses == [IPAddress("10.96.0.1")!])
    for key in Self.outer {
      #expect(compiled.frontends[key]?.inside.targets.count == 2)
      #expect(compiled.frontends[key]?.outside == nil)
    }
    #expect(compiled.healthCheck == nil)
  }

  @Test func otherKindsHaveNoNodePortOrBalancer() {
    var input = Self.balanced([Self.here])
    input.service.kind = .clusterIP
    #expect(
      Set(Self.compiler.compile(input).frontends.keys) == [Fixture.key("10.96.0.1"), Fixture.key("203.0.113.2")])
    input.service.kind = .nodePort
    #expect(!Self.compiler.compile(input).frontends.keys.contains(Fixture.key("203.0.113.1")))
    input.service.isProxied = false
    #expect(Self.compiler.compile(input) == CompiledService())
  }

  @Test func externalPolicyLocal() {
    var input = Self.balanced([Self.here, Self.there], local: true)
    input.service.healthCheckNodePort = 30999
    var compiled = Self.compiler.compile(input)
    for key in Self.outer {
      // The node and its pods reach every endpoint; clients outside this node's.
      #expect(compiled.frontends[key]?.inside.targets.count == 2)
      #expect(compiled.frontends[key]?.outside == TargetChoice([Fixture.target("10.244.0.1")], isLocal: true))
    }
    #expect(compiled.frontends[Fixture.key("10.96.0.1")]?.outside == nil)
    #expect(compiled.healthCheck == .init(port: 30999, localEndpoints: 1))

    input = Self.balanced([Self.there], local: true)
    compiled = Self.compiler.compile(input)
    #expect(compiled.frontends[Self.nodePort]?.outside == TargetChoice([], withoutTargets: .drop, isLocal: true))
    compiled = Self.compiler.compile(Self.balanced([], local: true))
    #expect(compiled.frontends[Self.nodePort]?.outside == TargetChoice([], withoutTargets: .reject, isLocal: true))
    // A local endpoint that terminates serves those outside while others are ready elsewhere (KEP-1669).
    let ending = Fixture.endpoint("10.244.0.1", ready: false, serving: true, terminating: true, node: "node1")
    compiled = Self.compiler.compile(Self.balanced([ending, Self.there], local: true))
    #expect(compiled.frontends[Self.nodePort]?.outside?.targets == [Fixture.target("10.244.0.1")])
    #expect(compiled.frontends[Self.nodePort]?.inside.targets == [Fixture.target("10.244.1.1")])
  }

  static let ranges: [(given: [String], wanted: [String]?)] = [
    ([], nil), (["192.168.0.0/16"], ["192.168.0.0/16"]), (["0.0.0.0/0", "192.168.0.0/16"], nil),
    (["2001:db8::/32"], nil),  // no range of the family
    (["192.168.0.0/16", "192.168.1.0/24"], ["192.168.0.0/16"]),
    (["192.0.2.0/24"], ["192.0.2.0/24", "203.0.113.1/32"]),  // holds the node
  ]

  @Test(arguments: ranges) func sourceRanges(_ test: (given: [String], wanted: [String]?)) {
    var input = Self.balanced([Self.here])
    input.service.sourceRanges = test.given.map { Prefix($0)! }
    let compiled = Self.compiler.compile(input)
    #expect(compiled.frontends[Fixture.key("203.0.113.1")]?.sourceRanges == test.wanted.map { $0.map { Prefix($0)! } })
    // Never on NodePorts, nor on external addresses.
    #expect(compiled.frontends[Self.nodePort]?.sourceRanges == nil)
    #expect(compiled.frontends[Fixture.key("203.0.113.2")]?.sourceRanges == nil)
  }

  static func hinted(_ address: String, zones: Set<String> = [], nodes: Set<String> = [], ready: Bool = true)
    -> EndpointSlice.Endpoint
  {
    var endpoint = Fixture.endpoint(address, ready: ready)
    endpoint.hintedZones = zones
    endpoint.hintedNodes = nodes
    return endpoint
  }

  static let hints: [(endpoints: [EndpointSlice.Endpoint], targets: [String])] = [
    ([hinted("10.0.0.1", zones: ["a"]), hinted("10.0.0.2", zones: ["b"])], ["10.0.0.1"]),
    // One without a hint: none count.
    ([hinted("10.0.0.1", zones: ["a"]), hinted("10.0.0.2")], ["10.0.0.1", "10.0.0.2"]),
    // Nobody for this zone: all.
    ([hinted("10.0.0.1", zones: ["b"]), hinted("10.0.0.2", zones: ["c"])], ["10.0.0.1", "10.0.0.2"]),
    // An endpoint that is not ready needs no hint.
    (
      [hinted("10.0.0.1", zones: ["a"]), hinted("10.0.0.2", zones: ["b"]), hinted("10.0.0.3", ready: false)],
      ["10.0.0.1"]
    ),
    // The node before the zone.
    (
      [hinted("10.0.0.1", zones: ["a"], nodes: ["node1"]), hinted("10.0.0.2", zones: ["a"], nodes: ["node2"])],
      ["10.0.0.1"]
    ),
    (
      [hinted("10.0.0.1", zones: ["a"], nodes: ["node3"]), hinted("10.0.0.2", zones: ["b"], nodes: ["node2"])],
      ["10.0.0.1"]
    ),
  ]

  @Test(arguments: hints) func topologyHints(_ test: (endpoints: [EndpointSlice.Endpoint], targets: [String])) {
    let compiled = Self.compiler.compile(Fixture.service("web", ["10.96.0.1"], endpoints: test.endpoints))
    #expect(
      compiled.frontends[Fixture.key("10.96.0.1")]?.inside.targets == test.targets.map { Fixture.target($0) })
  }

  @Test func headlessSlicesAreForNameServers() {
    var input = Fixture.service("web", ["10.96.0.1"], endpoints: [Self.here])
    input.slices[0].isHeadless = true
    #expect(Self.compiler.compile(input).frontends[Fixture.key("10.96.0.1")]?.inside.targets == [])
  }

  @Test func affinityIsTheServices() {
    var input = Self.balanced([Self.here])
    input.service.affinityTimeout = 60
    #expect(Self.compiler.compile(input).frontends.values.allSatisfy { $0.affinityTimeout == 60 })
  }
}
