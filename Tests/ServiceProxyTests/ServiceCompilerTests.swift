import Addressing
import ClusterModel
import ServiceProxy
import Testing

@Suite struct ServiceCompilerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let endpoints: [EndpointSlice.Endpoint]
    var local = false
    let targets: [String]
    var draining: [String] = []
    var withoutTargets = TargetChoice.WithoutTargets.reject
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "none", endpoints: [], targets: []),
    Case(
      name: "ready ones, in order", endpoints: [Fixture.endpoint("10.0.0.2"), Fixture.endpoint("10.0.0.1")],
      targets: ["10.0.0.1", "10.0.0.2"]),
    Case(
      name: "not ready takes nothing",
      endpoints: [Fixture.endpoint("10.0.0.1"), Fixture.endpoint("10.0.0.2", ready: false, serving: false)],
      targets: ["10.0.0.1"]),
    Case(
      name: "terminating drains while another is ready",
      endpoints: [
        Fixture.endpoint("10.0.0.1"), Fixture.endpoint("10.0.0.2", ready: false, serving: true, terminating: true),
      ], targets: ["10.0.0.1"], draining: ["10.0.0.2"]),
    Case(
      name: "terminating serves when none is ready",
      endpoints: [
        Fixture.endpoint("10.0.0.1", ready: false, serving: true, terminating: true),
        Fixture.endpoint("10.0.0.2", ready: false, serving: false, terminating: true),
      ], targets: ["10.0.0.1"]),
    Case(
      name: "serving but not terminating and not ready is no fallback",
      endpoints: [Fixture.endpoint("10.0.0.1", ready: false, serving: true)], targets: [], draining: ["10.0.0.1"]),
    Case(
      name: "local policy takes this node's",
      endpoints: [Fixture.endpoint("10.0.0.1", node: "node1"), Fixture.endpoint("10.0.0.2", node: "node2")],
      local: true, targets: ["10.0.0.1"], draining: ["10.0.0.2"]),
    Case(
      name: "local policy drops without local ones",
      endpoints: [Fixture.endpoint("10.0.0.2", node: "node2")], local: true, targets: [], draining: ["10.0.0.2"],
      withoutTargets: .drop),
    Case(
      name: "local policy falls back to local terminating ones",
      endpoints: [
        Fixture.endpoint("10.0.0.1", ready: false, serving: true, terminating: true, node: "node1"),
        Fixture.endpoint("10.0.0.2", node: "node2"),
      ], local: true, targets: ["10.0.0.1"], draining: ["10.0.0.2"]),
    Case(name: "local policy rejects without any", endpoints: [], local: true, targets: []),
  ]

  @Test(arguments: cases) func targets(_ test: Case) throws {
    var input = Fixture.service("web", ["10.96.0.1"], endpoints: test.endpoints)
    input.service.isInternalTrafficLocal = test.local
    let compiled = ServiceCompiler(nodeName: "node1").compile(input)
    #expect(compiled.addresses == [IPAddress("10.96.0.1")!])
    let frontend = try #require(compiled.frontends[Fixture.key("10.96.0.1")])
    #expect(frontend.inside.targets == test.targets.map { Fixture.target($0) })
    #expect(frontend.draining == test.draining.map { Fixture.target($0) })
    #expect(frontend.inside.withoutTargets == test.withoutTargets)
    #expect(frontend.comment == "default/web:80")
  }

  @Test func everyFamilyAndPortIsAFrontend() {
    let ports = [
      Service.Port(name: "dns", transport: .udp, port: 53), Service.Port(name: "dns-tcp", transport: .tcp, port: 53),
      Service.Port(name: "assoc", transport: .sctp, port: 9999),
    ]
    let input = Fixture.service(
      "dns", ["10.96.0.10", "fd00:96::a"], ports: ports,
      endpoints: [Fixture.endpoint("10.244.0.5"), Fixture.endpoint("fd00:244::5")])
    let compiled = ServiceCompiler(nodeName: "n").compile(input)
    #expect(compiled.frontends.count == 6)
    #expect(
      compiled.frontends[Fixture.key("fd00:96::a", .sctp, 9999)]?.inside.targets == [Fixture.target("fd00:244::5")])
    #expect(compiled.frontends[Fixture.key("10.96.0.10", .udp, 53)]?.comment == "default/dns:dns")
  }

  @Test func headlessAndExternalNameAskForNothing() {
    var headless = Fixture.service("h", ["10.96.0.1"])
    headless.service.isHeadless = true
    var external = Fixture.service("e", ["10.96.0.1"])
    external.service.kind = .externalName
    let compiler = ServiceCompiler(nodeName: "n")
    for input in [headless, external, Fixture.service("none", [])] {
      #expect(compiler.compile(input) == CompiledService())
    }
  }
}
