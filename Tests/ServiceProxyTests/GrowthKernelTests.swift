import Addressing
import ClusterModel
import Glibc
import Netlink
import ServiceProxy
import Testing

/// Sets have a size; a cluster that outgrows it gets a larger table, and nobody notices.
@Suite(.serialized) struct GrowthKernelTests {
  private static func size(_ set: String, _ node: TestNode) throws -> Int {
    Int(try NFTablesSocket(namespace: node.namespace).setSizes(of: ServicesLayout.table)[set] ?? 0)
  }

  /// A Service of many endpoints elsewhere.
  private static func large(_ number: Int, _ endpoints: Int) -> ServiceWithEndpoints {
    Fixture.service(
      "large\(number)", ["10.96.7.\(number)"], ports: [Service.Port(port: 80)],
      endpoints: (0..<endpoints).map { Fixture.endpoint("10.245.\($0 / 250).\($0 % 250 + 1)") })
  }

  @Test func aTableGrowsUnderConnections() throws {
    let node = try TestNode("growth", pods: ["client": 9, "b1": 11, "b2": 12])
    let proxy = try ServiceProxy(ServiceProxyKernelTests.configuration, namespace: node.namespace)
    var web = ServiceProxyKernelTests.web([11, 12])
    web.service.affinityTimeout = 3000
    try proxy.sync(full: [web])
    let small = try Self.size("slots4", node)
    #expect(small > 0 && proxy.statistics.replacements == 1)
    let kept = TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 3))
    #expect(kept.count == 1)
    let stream = node.background("client", "stream", "fd00:96::1", 80, 200)
    let asked = node.background("client", "tcp", "10.96.0.1", 80, 500)

    // Full, and then one more.
    var count = 4
    var number = 0
    while count < small {
      number += 1
      let endpoints = min(3000, small - count)
      try proxy.update(service: NamespacedName("default", "large\(number)"), to: Self.large(number, endpoints))
      count += endpoints
    }
    #expect(proxy.statistics.replacements == 1 || small < 4)
    try proxy.update(service: NamespacedName("default", "large99"), to: Self.large(99, 4))
    #expect(proxy.statistics.replacements == 2 && proxy.statistics.failures == 0, "\(proxy.statistics)")
    #expect(try Self.size("slots4", node) > small)
    // Who had an endpoint has it still, and for the rest of the time; who was connected is, and nobody was refused.
    #expect(TestNode.byName(asked()) == [kept.keys.first!: 500])
    #expect(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 3)) == kept)
    let affinity = node.run("node", "nft list map inet swiftlet-services affinity4")
    #expect(affinity.contains("timeout 50m expires 4"), "\(affinity)")
    #expect(stream().values.reduce(0, +) == 200)

    // A fresh start finds it as it should be. One that finds too little room makes more.
    let fresh = try ServiceProxy(ServiceProxyKernelTests.configuration, namespace: node.namespace)
    var all = [web, Self.large(99, 4)] + (1..<number).map { Self.large($0, 3000) }
    all.append(Self.large(number, small - 4 - 3000 * (number - 1)))
    try fresh.sync(full: all)
    #expect(fresh.statistics.elements == 0)
    let room = try Self.size("slots4", node)
    let more = (0...room / 3000).map { Self.large(100 + $0, 3000) }
    let grown = try ServiceProxy(ServiceProxyKernelTests.configuration, namespace: node.namespace)
    try grown.sync(full: all + more)
    #expect(try grown.statistics.replacements == 1 && Self.size("slots4", node) > room)
    #expect(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 3)) == kept)
  }
}
