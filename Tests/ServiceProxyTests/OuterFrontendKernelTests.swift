import Addressing
import ClusterModel
import Glibc
import Netlink
import ServiceProxy
import Testing

/// NodePorts, external and load balancer addresses, policies and affinity, with packets from outside, from a pod and from
/// the node. Pods from 10.244.0.16 on count as another node's.
@Suite(.serialized) struct OuterFrontendKernelTests {
  static let configuration = ServiceProxyConfiguration(
    nodeName: "node1", nodeAddresses: [IPAddress("192.0.2.1")!, IPAddress("2001:db8:2::1")!],
    localPodRanges: [Prefix("10.244.0.0/28")!, Prefix("fd00:244::/124")!],
    serviceRanges: [Prefix("10.96.0.0/16")!, Prefix("fd00:96::/112")!],
    clusterRanges: [Prefix("10.244.0.0/16")!, Prefix("fd00:244::/56")!])
  static let pods = ["client": 9, "here": 11, "there": 20]
  static let balancers = ["203.0.113.1", "2001:db8:3::1"]

  static func web(_ endpoints: [Int], change: (inout Service) -> Void = { _ in }) -> ServiceWithEndpoints {
    var input = Fixture.service(
      "web", ["10.96.0.1", "fd00:96::1"],
      ports: [
        Service.Port(name: "t", transport: .tcp, port: 80, nodePort: 30080),
        Service.Port(name: "u", transport: .udp, port: 80, nodePort: 30080),
      ],
      endpoints: endpoints.flatMap { number in
        ["10.244.0.\(number)", "fd00:244::\(String(number, radix: 10))"].map {
          Fixture.endpoint($0, node: number < 16 ? "node1" : "node2")
        }
      })
    input.service.kind = .loadBalancer
    input.service.loadBalancerAddresses = balancers.map { IPAddress($0)! }
    input.service.externalAddresses = ["203.0.113.2", "2001:db8:3::2"].map { IPAddress($0)! }
    change(&input.service)
    return input
  }

  /// Address, port: everything a client outside may ask.
  static let outer: [(address: String, port: Int)] = [
    ("192.0.2.1", 30080), ("2001:db8:2::1", 30080), ("203.0.113.1", 80), ("2001:db8:3::1", 80), ("203.0.113.2", 80),
    ("2001:db8:3::2", 80),
  ]

  static func isV6(_ address: String) -> Bool { address.contains(":") }

  @Test(arguments: TestBackend.all) func clusterPolicyReachesEveryEndpointAndHidesTheClient(_ backend: TestBackend)
    throws
  {
    let node = try TestNode("outer-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [Self.web([11, 20])])
    for (address, port) in Self.outer {
      for mode in ["tcp", "udp"] {
        let seen = node.client("world", mode, address, port, 60)
        let gateway = Self.isV6(address) ? "fd00:244::1" : "10.244.0.1"
        #expect(Set(seen.keys) == ["here \(gateway)", "there \(gateway)"], "\(mode) \(address) \(seen)")
        // A pod of this node keeps its address, and reaches them all too.
        let own = Self.isV6(address) ? "fd00:244::9" : "10.244.0.9"
        let pod = node.client("client", mode, address, port, 40)
        #expect(Set(pod.keys) == ["here \(own)", "there \(own)"], "\(mode) \(address) \(pod)")
      }
    }
    // The node itself, at its own address.
    let own = node.client("node", "tcp", "192.0.2.1", 30080, 40)
    #expect(Set(TestNode.byName(own).keys) == ["here", "there"], "\(own)")
    // Not at addresses that serve no NodePorts.
    #expect(node.client("client", "tcp", "10.244.0.1", 30080, 1) == ["ECONNREFUSED": 1])
    // No endpoint anywhere.
    try proxy.update([(NamespacedName("default", "web"), Self.web([]))])
    for (address, port) in Self.outer { #expect(node.client("world", "tcp", address, port, 1) == ["ECONNREFUSED": 1]) }
    try proxy.update([(NamespacedName("default", "web"), nil)])
    #expect(node.client("world", "tcp", "192.0.2.1", 30080, 1) == ["ECONNREFUSED": 1])
  }

  @Test(arguments: TestBackend.all) func localPolicyShowsTheClient(_ backend: TestBackend) throws {
    let node = try TestNode("local-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [Self.web([11, 20]) { $0.isExternalTrafficLocal = true }])
    for (address, port) in Self.outer {
      let source = Self.isV6(address) ? "2001:db8:2::2" : "192.0.2.2"
      for mode in ["tcp", "udp"] {
        #expect(node.client("world", mode, address, port, 20) == ["here \(source)": 20], "\(mode) \(address)")
      }
      let pod = node.client("client", "tcp", address, port, 40)
      #expect(Set(TestNode.byName(pod).keys) == ["here", "there"], "\(pod)")
    }
    let own = node.client("node", "tcp", "192.0.2.1", 30080, 40)
    #expect(Set(TestNode.byName(own).keys) == ["here", "there"], "\(own)")
    // None here: silence for those outside, though pods are served.
    try proxy.update([(NamespacedName("default", "web"), Self.web([20]) { $0.isExternalTrafficLocal = true })])
    #expect(node.client("world", "tcp", "203.0.113.1", 80, 1) == ["TIMEOUT": 1])
    #expect(node.client("client", "tcp", "203.0.113.1", 80, 3) == ["there 10.244.0.9": 3])
    // A restart finds nothing to change.
    let reader = try NFTablesSocket(namespace: node.namespace)
    let generation = try reader.generation()
    let next = try backend.proxy(Self.configuration, node)
    try next.sync(full: [Self.web([20]) { $0.isExternalTrafficLocal = true }])
    #expect(next.statistics.elements == 0)
    guard backend.isNFTables else { return }
    #expect(try reader.generation() == generation)
    // nft lists what follows the original port.
    #expect(node.run("node", "nft list chain inet swiftlet-services keep-source").contains("ct original proto-dst"))
  }

  @Test(arguments: TestBackend.all) func sourceRangesGuardTheBalancerAlone(_ backend: TestBackend) throws {
    let node = try TestNode("ranges-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    func web(_ ranges: [String], local: Bool = false) -> ServiceWithEndpoints {
      Self.web([11]) {
        $0.sourceRanges = ranges.map { Prefix($0)! }
        $0.isExternalTrafficLocal = local
      }
    }
    try proxy.sync(full: [web(["192.0.2.2/32", "2001:db8:2::/64", "10.244.0.9/32"])])
    for address in Self.balancers {
      #expect(TestNode.byName(node.client("world", "tcp", address, 80, 3)) == ["here": 3], "\(address)")
    }
    #expect(TestNode.byName(node.client("client", "tcp", "203.0.113.1", 80, 3)) == ["here": 3])
    #expect(node.client("client", "tcp", "2001:db8:3::1", 80, 1) == ["TIMEOUT": 1])
    for local in [false, true] {
      try proxy.update([(NamespacedName("default", "web"), web(["198.51.100.0/24", "2001:db8:9::/64"], local: local))])
      for address in Self.balancers { #expect(node.client("world", "tcp", address, 80, 1) == ["TIMEOUT": 1]) }
      // The NodePort is open to all.
      #expect(TestNode.byName(node.client("world", "tcp", "192.0.2.1", 30080, 3)) == ["here": 3])
    }
    if backend.isNFTables {
      #expect(node.run("node", "nft list set inet swiftlet-services source-ranges4").contains("198.51.100.0/24"))
    }
  }

  @Test(arguments: TestBackend.all) func affinityHoldsAndForgets(_ backend: TestBackend) throws {
    let node = try TestNode("affinity-\(backend)", pods: ["client": 9, "here": 11, "two": 12, "there": 20])
    let proxy = try backend.proxy(Self.configuration, node)
    func web(_ endpoints: [Int], seconds: Int = 600) -> ServiceWithEndpoints {
      Self.web(endpoints) { $0.affinityTimeout = seconds }
    }
    let all = [11, 12, 20]
    let numbers = ["here": 11, "two": 12, "there": 20]
    try proxy.sync(full: [web(all)])
    for (place, address, port) in [
      ("client", "10.96.0.1", 80), ("client", "fd00:96::1", 80), ("world", "192.0.2.1", 30080),
      ("world", "2001:db8:2::1", 30080), ("world", "203.0.113.1", 80), ("node", "10.96.0.1", 80),
    ] {
      for mode in ["tcp", "udp"] {
        let seen = TestNode.byName(node.client(place, mode, address, port, 30))
        #expect(seen.count == 1 && seen.values.first == 30, "\(place) \(mode) \(address) \(seen)")
        guard let mine = seen.keys.first.flatMap({ numbers[$0] }) else { continue }
        // The endpoint goes: the next connections have another one, all the same, and none is lost.
        try proxy.update([(NamespacedName("default", "web"), web(all.filter { $0 != mine }))])
        let next = TestNode.byName(node.client(place, mode, address, port, 20))
        #expect(next.count == 1 && next.values.first == 20 && next.keys != seen.keys, "\(place) \(mode) \(next)")
        try proxy.update([(NamespacedName("default", "web"), web(all))])
        // Back again, it gets no one who has moved.
        #expect(TestNode.byName(node.client(place, mode, address, port, 20)).keys == next.keys)
      }
    }
    // nft prints who is remembered, and dies of none of it.
    _ = node.client("client", "tcp", "10.96.0.1", 80, 1)
    let listing = node.run("node", "nft list map inet swiftlet-services affinity4")
    #expect(
      !backend.isNFTables || listing.contains("10.244.0.9 . 10.96.0.1 . tcp . 80") && listing.contains("expires"),
      "\(listing)")

    // A restart keeps what is remembered.
    let before = TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 5))
    let reader = try NFTablesSocket(namespace: node.namespace)
    let next = try backend.proxy(Self.configuration, node)
    try next.sync(full: [web(all)])
    #expect(next.statistics.elements == 0)
    #expect(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 5)).keys == before.keys)

    guard backend.isNFTables else { return }
    // After the timeout without a connection the client is forgotten.
    try next.update([(NamespacedName("default", "web"), web(all, seconds: 1))])
    _ = node.client("world", "tcp", "203.0.113.2", 80, 1)
    #expect(node.run("node", "nft list map inet swiftlet-services affinity4").contains("203.0.113.2"))
    sleep(2)
    #expect(!node.run("node", "nft list map inet swiftlet-services affinity4").contains("203.0.113.2"))
    // Without affinity its chains go.
    try next.update([(NamespacedName("default", "web"), Self.web(all))])
    let chains = node.run("node", "nft list chains")
    #expect(!chains.contains("learn-") && !chains.contains("affinity"), "\(chains)")
    _ = reader
  }

  @Test(arguments: TestBackend.all) func udpFlowsFollowTheNodePort(_ backend: TestBackend) throws {
    let node = try TestNode("nodeudp-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [])
    // A flow that the node itself received before there was a NodePort; then one whose endpoint goes.
    // Refusals are not rationed, or the client would wait for one that never comes.
    node.run("node", "sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'")
    let datagrams = node.background("world", "datagrams", "192.0.2.1", 30080, 150)
    usleep(300_000)
    try proxy.update([(NamespacedName("default", "web"), Self.web([11]))])
    usleep(600_000)
    try proxy.update([(NamespacedName("default", "web"), Self.web([20]))])
    let counts = TestNode.byName(datagrams())
    #expect((counts["here"] ?? 0) > 0 && (counts["there"] ?? 0) > 0, "\(counts)")
  }
}
