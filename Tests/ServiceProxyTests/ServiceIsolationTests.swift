import Addressing
import ClusterModel
import Glibc
import Linux
import Netlink
import Testing

@testable import ServiceProxy

/// A back end in memory that refuses what a test says.
private final class FakeBackend: ServiceBackend, @unchecked Sendable {
  /// Frontends at these ports are refused.
  var refusedPorts: Set<UInt16> = []
  /// Thrown once, before anything else.
  var passing: (any Error)?
  var held: [FrontendKey: [Target]] = [:]
  var attempts = 0

  private func check(_ keys: some Sequence<FrontendKey>) throws {
    attempts += 1
    if let error = passing {
      passing = nil
      throw error
    }
    if let bad = keys.first(where: { refusedPorts.contains($0.port) }) {
      throw NFTablesError(code: EINVAL, operation: "add element \(bad)", explanation: "", element: nil)
    }
  }

  func repair(_ model: inout ServiceModel) throws {
    try check(model.state.frontends.keys)
    held = model.state.frontends.mapValues { $0.inside.targets }
  }

  func apply(_ changes: ServiceChanges, _ model: inout ServiceModel) throws {
    try check(changes.frontends.filter { $0.value.new != nil }.keys)
    for (key, change) in changes.frontends { held[key] = change.new?.inside.targets }
  }

  func isIntact() throws -> Bool { true }
  func counts(endpoints: Bool) throws -> ServiceCounts? { nil }
  func remove() throws {}
}

/// Bad input affects itself only.
@Suite(.serialized) struct ServiceIsolationKernelTests {
  static func service(_ number: Int, port: UInt16 = 80) -> ServiceWithEndpoints {
    Fixture.service(
      "s\(number)", ["10.96.1.\(number)"], ports: [Service.Port(port: port)],
      endpoints: [Fixture.endpoint("10.244.0.1")])
  }

  private static func make(_ backend: FakeBackend) throws -> ServiceProxy {
    try ServiceProxy(
      ServiceProxyConfiguration(nodeName: "n"), .nftables, backend, ports: [], NetworkNamespace.create())
  }

  @Test func thoseAtFaultAreFoundAndLeftOut() throws {
    let backend = FakeBackend()
    backend.refusedPorts = [666]
    let proxy = try Self.make(backend)
    let bad = [3, 40, 41]
    try proxy.sync(full: (1...250).map { Self.service($0, port: bad.contains($0) ? 666 : 80) })
    #expect(Set(proxy.refused.keys.map(\.name)) == ["s3", "s40", "s41"])
    #expect(proxy.refused.values.allSatisfy { $0.contains("666") })
    #expect(backend.held.count == 247 && !backend.held.keys.contains { $0.port == 666 })
    // Halving, not trying each.
    #expect(backend.attempts < 250, "\(backend.attempts)")

    // One that becomes bad goes, the others of the same transaction come.
    let id = { (number: Int) in NamespacedName("default", "s\(number)") }
    try proxy.update([
      (id(3), Self.service(3)), (id(5), Self.service(5, port: 666)), (id(251), Self.service(251)), (id(7), nil),
    ])
    #expect(Set(proxy.refused.keys.map(\.name)) == ["s5", "s40", "s41"])
    #expect(backend.held.count == 247)
    #expect(backend.held[Fixture.key("10.96.1.251")] != nil && backend.held[Fixture.key("10.96.1.7")] == nil)
    // What is removed is no problem any more.
    try proxy.update([(id(40), nil)])
    #expect(Set(proxy.refused.keys.map(\.name)) == ["s5", "s41"])
  }

  static let passing: [any Error & Sendable] = [
    SystemError("receive from netlink", code: ENOBUFS), SystemError("send to netlink", code: EINTR),
    NetlinkError(code: ENOMEM, operation: "add"),
    NFTablesError(code: ENOMEM, operation: "add", explanation: "", element: nil),
  ]

  @Test(arguments: 0..<4) func wantOfMemoryIsNobodysFault(_ index: Int) throws {
    let backend = FakeBackend()
    let proxy = try Self.make(backend)
    try proxy.sync(full: [Self.service(1)])
    backend.passing = Self.passing[index]
    try proxy.update(service: NamespacedName("default", "s2"), to: Self.service(2))
    #expect(proxy.refused.isEmpty && backend.held.count == 2)
  }

  static let uses: [(EndpointSlice.Endpoint, String)] = [
    (Fixture.endpoint("10.244.0.1", node: "node1"), "used"),
    (
      Fixture.endpoint("10.244.1.1", node: "node2"),
      "used; not for clients outside: externalTrafficPolicy is Local and it is on node node2"
    ),
    (Fixture.endpoint("10.244.0.2", ready: false, serving: false, node: "node1"), "not used: it is not ready"),
    (
      Fixture.endpoint("10.244.0.3", ready: false, serving: true, terminating: true, node: "node1"),
      "not used: it terminates while others are ready"
    ),
  ]

  @Test func everyEndpointIsExplained() {
    var input = OuterFrontendTests.balanced(Self.uses.map(\.0), local: true)
    let compiler = OuterFrontendTests.compiler
    let uses = Dictionary(uniqueKeysWithValues: compiler.explain(input).map { ($0.target.address, $0.use) })
    for (endpoint, use) in Self.uses { #expect(uses[endpoint.address] == use) }
    // What is said to be used is what is compiled.
    input.service.isExternalTrafficLocal = false
    let used = Set(compiler.explain(input).filter { $0.use == "used" }.map(\.target))
    #expect(used == Set(compiler.compile(input).frontends.values.flatMap(\.inside.targets)))
  }
}
