import Addressing
import ClusterModel
import Netlink
import Testing

@testable import ServiceProxy

@Suite struct ServiceStateTests {
  static let a = Fixture.target("10.244.0.1"), b = Fixture.target("10.244.0.2"), c = Fixture.target("10.244.0.3")
  static let d = Fixture.target("10.244.0.4")

  static let arrangements: [(wanted: [Target], current: [Target], expected: [Target])] = [
    ([], [], []),
    ([a, b, c], [], [a, b, c]),
    ([a, b, c], [c, a, b], [c, a, b]),
    ([a, c], [a, b, c], [a, c]),  // the last moves into the hole
    ([b, c], [a, b, c], [c, b]),
    ([a, b, c, d], [b, c], [b, c, a, d]),
    ([d, b], [a, b], [d, b]),
    ([], [a, b], []),
  ]

  @Test(arguments: arrangements) func slotsMoveAsLittleAsCanBe(
    _ test: (wanted: [Target], current: [Target], expected: [Target])
  ) {
    #expect(arrange(test.wanted, current: { test.current[$0] }, currentCount: test.current.count) == test.expected)
  }

  static let configuration = ServiceProxyConfiguration(
    nodeName: "node1", localPodRanges: [Prefix("10.244.0.0/28")!], serviceRanges: [Prefix("10.96.0.0/16")!])

  /// A Service by random numbers; addresses collide now and then, so that two ask for one frontend.
  static func random(_ name: String, _ generator: inout some RandomNumberGenerator) -> ServiceWithEndpoints {
    let count = Int.random(in: 0...6, using: &generator)
    let endpoints = (0..<count).map { _ in
      Fixture.endpoint(
        "10.244.0.\(Int.random(in: 1...20, using: &generator))", ready: .random(using: &generator), serving: true,
        terminating: .random(using: &generator), node: Bool.random(using: &generator) ? "node1" : "node2")
    }
    let transports: [TransportProtocol] = Bool.random(using: &generator) ? [.udp] : [.udp, .tcp]
    var input = Fixture.service(
      name, ["10.96.0.\(Int.random(in: 1...12, using: &generator))"],
      ports: transports.map { Service.Port(name: $0.rawValue, transport: $0, port: 80) }, endpoints: endpoints)
    input.service.isInternalTrafficLocal = Int.random(in: 0..<4, using: &generator) == 0
    input.service.isExternalTrafficLocal = .random(using: &generator)
    if Int.random(in: 0..<3, using: &generator) == 0 {
      input.service.affinityTimeout = .random(in: 5...7, using: &generator)
    }
    input.service.kind = [.clusterIP, .nodePort, .loadBalancer].randomElement(using: &generator)!
    for index in input.service.ports.indices {
      input.service.ports[index].nodePort = .random(in: 30000...30005, using: &generator)
    }
    input.service.loadBalancerAddresses = [IPAddress("203.0.113.\(Int.random(in: 1...4, using: &generator))")!]
    if Bool.random(using: &generator) {
      input.service.externalAddresses = [IPAddress("203.0.113.\(Int.random(in: 3...6, using: &generator))")!]
    }
    if Bool.random(using: &generator) {
      input.service.sourceRanges = [Prefix("192.0.2.0/24")!, Prefix("198.51.100.0/25")!, Prefix("198.51.100.128/25")!]
    }
    return input
  }

  /// Every frontend's slots as a set: a fresh synchronization may number them otherwise.
  static func unordered(_ state: ServiceState) -> [FrontendKey: [[Target]]] {
    state.frontends.mapValues { [$0.inside.targets.sorted(), $0.outside?.targets.sorted() ?? []] }
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func anySequenceOfUpdatesEndsLikeAFreshStart(_ seed: UInt64) {
    var generator = SplitMix(state: seed)
    let compiler = ServiceCompiler(nodeName: "node1")
    var state = ServiceState(localPodRanges: Self.configuration.localPodRanges)
    var services: [NamespacedName: ServiceWithEndpoints] = [:]
    var kernel: [ServicesLayout.SetID: [[UInt8]: NFElement]] = [:]
    for _ in 0..<200 {
      var changes = ServiceChanges()
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let name = "s\(Int.random(in: 0..<15, using: &generator))"
        let id = NamespacedName("default", name)
        services[id] = Int.random(in: 0..<4, using: &generator) == 0 ? nil : Self.random(name, &generator)
        state.update(id, to: services[id].map { compiler.compile($0) }, &changes)
      }
      // As the kernel does it: what goes must be there, what comes must not.
      for id in ServicesLayout.SetID.all {
        let (old, new) = ElementChanges(changes).differences(of: id)
        for element in old { #expect(kernel[id, default: [:]].removeValue(forKey: element.key) == element) }
        for element in new { #expect(kernel[id, default: [:]].updateValue(element, forKey: element.key) == nil) }
      }
    }
    var fresh = ServiceState(localPodRanges: Self.configuration.localPodRanges)
    var ignored = ServiceChanges()
    for (id, service) in services { fresh.update(id, to: compiler.compile(service), &ignored) }
    #expect(Self.unordered(state) == Self.unordered(fresh))
    #expect(
      ServiceClass.uses(by: state.frontends.map { ($0.key, $0.value) })
        == ServiceClass.uses(by: fresh.frontends.map { ($0.key, $0.value) }))

    // The fresh start takes over the slots it finds, and then there is no difference left at all.
    for id in ServicesLayout.SetID.all where id.kind == .slots || id.kind == .nodePortSlots {
      var held = HeldSlots(id)
      for element in (kernel[id] ?? [:]).values { held.take(element) }
      fresh.adoptSlots(from: held)
      var changes = ElementChanges()
      fresh.differences(from: held, &changes)
      let (old, new) = changes.differences(of: id)
      #expect(old.isEmpty && new.isEmpty, "\(id.name)")
    }
    let wanted = fresh.elements(Self.configuration)
    for id in ServicesLayout.SetID.all where ![.nodePods, .serviceRange, .nodePortAddresses].contains(id.kind) {
      #expect(Set(wanted[id] ?? []) == Set((kernel[id] ?? [:]).values), "\(id.name)")
    }
  }

  @Test func anUpdateChangesOnlyItsOwnElements() {
    let compiler = ServiceCompiler(nodeName: "n")
    var state = ServiceState(localPodRanges: [])
    var changes = ServiceChanges()
    let three = ["10.244.0.1", "10.244.0.2", "10.244.0.3"].map { Fixture.endpoint($0) }
    let before = Fixture.service("web", ["10.96.0.1"], endpoints: three)
    state.update(before.service.id, to: compiler.compile(before), &changes)
    changes = ServiceChanges()
    let replaced = Fixture.service(
      "web", ["10.96.0.1"], endpoints: [three[0], Fixture.endpoint("10.244.0.9"), three[2]])
    state.update(replaced.service.id, to: compiler.compile(replaced), &changes)
    let slots = ElementChanges(changes).differences(of: .init(.slots, .v4))
    #expect(slots.old.count == 1 && slots.new.count == 1)
    #expect(ElementChanges(changes).differences(of: .init(.frontends, .v4)).new.isEmpty)
    #expect(ElementChanges(changes).differences(of: .init(.clusterAddresses, .v4)).old.isEmpty)
    changes = ServiceChanges()
    state.update(replaced.service.id, to: compiler.compile(replaced), &changes)
    #expect(ElementChanges(changes).differences(of: .init(.slots, .v4)).new.isEmpty)
  }

  @Test func releasedUDPTargetsAreNamedUnlessTheyStillServe() {
    let compiler = ServiceCompiler(nodeName: "n")
    var state = ServiceState(localPodRanges: [])
    let ports = [Service.Port(transport: .udp, port: 53)]
    func released(_ endpoints: [EndpointSlice.Endpoint]) -> Set<FrontendKey> {
      var changes = ServiceChanges()
      let service = Fixture.service("dns", ["10.96.0.10"], ports: ports, endpoints: endpoints)
      state.update(service.service.id, to: compiler.compile(service), &changes)
      return changes.released
    }
    let key = Fixture.key("10.96.0.10", .udp, 53)
    let (one, two) = (Fixture.endpoint("10.244.0.1"), Fixture.endpoint("10.244.0.2"))
    let draining = Fixture.endpoint("10.244.0.2", ready: false, serving: true, terminating: true)
    #expect(released([one, two]) == [])
    #expect(released([one, draining]) == [])
    #expect(released([one]) == [key])
    #expect(released([]) == [key])
    #expect(released([one]) == [])
  }

  @Test func prefixesInsideOthersAreLeftOut() {
    let prefixes = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/16", "11.0.0.0/8", "fd00::/8"].map { Prefix($0)! }
    #expect(prefixes.distinct(.v4) == [Prefix("10.0.0.0/8")!, Prefix("11.0.0.0/8")!])
    #expect(prefixes.distinct(.v6) == [Prefix("fd00::/8")!])
  }
}

/// Random numbers that are the same in every run (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
