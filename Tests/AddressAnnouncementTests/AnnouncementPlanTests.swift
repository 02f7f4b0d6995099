import AddressAnnouncement
import Addressing
import ClusterModel
import Testing

@Suite struct AnnouncementPlanTests {
  static func node(_ name: String, ready: Bool = true, leaving: Bool = false, labels: [String: String] = [:]) -> Node {
    var node = Node(name: name)
    node.isReady = ready
    node.isLeaving = leaving
    node.labels = labels
    return node
  }

  static func service(
    _ name: String, _ addresses: [String], local: [(node: String, ready: Bool)]? = nil, pooled: Bool = true,
    kind: Service.Kind = .loadBalancer
  ) -> ServiceWithEndpoints {
    var service = Service(id: NamespacedName("default", name))
    service.kind = kind
    service.loadBalancerAddresses = addresses.map { IPAddress($0)! }
    service.isAddressPooled = pooled
    service.isExternalTrafficLocal = local != nil
    var slice = EndpointSlice(id: NamespacedName("default", name), service: service.id)
    slice.endpoints = (local ?? []).enumerated().map { index, place in
      var endpoint = EndpointSlice.Endpoint(IPAddress("10.244.0.\(index + 1)")!)
      endpoint.node = place.node
      endpoint.isReady = place.ready
      return endpoint
    }
    return ServiceWithEndpoints(service: service, slices: [slice])
  }

  private static let address = IPAddress("192.0.2.10")!

  private static func candidates(_ nodes: [Node], _ services: [ServiceWithEndpoints]) -> Set<String> {
    var plan = AnnouncementPlan()
    _ = plan.set(nodes: nodes)
    for service in services { _ = plan.set(service.service.id, service) }
    return Set(plan.candidates(for: address))
  }

  @Test func whoMayAnnounce() {
    let nodes = [
      Self.node("a"), Self.node("b"), Self.node("sick", ready: false), Self.node("leaving", leaving: true),
      Self.node("excluded", labels: ["node.kubernetes.io/exclude-from-external-load-balancers": ""]),
    ]
    #expect(Self.candidates(nodes, [Self.service("s", ["192.0.2.10", "fd00::1"])]) == ["a", "b"])
    #expect(Self.candidates(nodes, []) == [])
    // Local: nodes with ready endpoints alone.
    let local = Self.service("s", ["192.0.2.10"], local: [("a", false), ("b", true), ("sick", true)])
    #expect(Self.candidates(nodes, [local]) == ["b"])
    #expect(Self.candidates(nodes, [Self.service("s", ["192.0.2.10"], local: [("a", false)])]) == [])
    // Shared: nodes that serve every one.
    let other = Self.service("t", ["192.0.2.10"], local: [("a", true), ("b", true)])
    #expect(Self.candidates(nodes, [local, other]) == ["b"])
    // Not ours: a cloud's controller gave the address, or none at all.
    #expect(Self.candidates(nodes, [Self.service("s", ["192.0.2.10"], pooled: false)]) == [])
    #expect(Self.candidates(nodes, [Self.service("s", ["192.0.2.10"], kind: .clusterIP)]) == [])
  }

  @Test func changesAreThoseOfTheService() {
    var plan = AnnouncementPlan()
    let change1 = plan.set(nodes: [Self.node("a")])
    #expect(change1)
    let change2 = plan.set(nodes: [Self.node("a"), Self.node("b", ready: false)])
    #expect(!change2)
    let id = NamespacedName("default", "s")
    let change3 = plan.set(id, Self.service("s", ["192.0.2.10"]))
    #expect(change3 == [Self.address])
    let change4 = plan.set(id, Self.service("s", ["192.0.2.10"]))
    #expect(change4 == [])
    let change5 = plan.set(id, Self.service("s", ["192.0.2.11"]))
    #expect(change5 == [Self.address, IPAddress("192.0.2.11")!])
    #expect(plan.addresses == [IPAddress("192.0.2.11")!])
    let change6 = plan.set(id, nil)
    #expect(change6 == [IPAddress("192.0.2.11")!])
    #expect(plan.addresses.isEmpty && plan.services.isEmpty)
  }

  @Test func addressesSpreadAndStay() {
    let nodes = (0..<8).map { Self.node("node\($0)") }
    var plan = AnnouncementPlan()
    _ = plan.set(nodes: nodes)
    let addresses = (0..<200).map { IPAddress("192.0.2.\($0)")! }
    for address in addresses {
      _ = plan.set(NamespacedName("default", "s\(address)"), Self.service("s\(address)", ["\(address)"]))
    }
    let before = addresses.map { plan.candidates(for: $0) }
    for name in nodes.map(\.name) { #expect((5...60).contains(before.count { $0[0] == name })) }
    // Without one node all others keep their order.
    _ = plan.set(nodes: nodes.dropFirst())
    for (address, order) in zip(addresses, before) {
      #expect(plan.candidates(for: address) == order.filter { $0 != "node0" })
    }
  }
}
