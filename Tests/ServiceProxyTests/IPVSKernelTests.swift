import Addressing
import ClusterModel
import Glibc
import Linux
import Netlink
import ServiceProxy
import Testing

/// IPVS, with packets and `ipvsadm` as the oracle. Needs a kernel with IPVS and dummy links; this one's tests run in qemu.
@Suite(.serialized) struct IPVSKernelTests {
  static let isSupported: Bool = {
    guard let namespace = try? NetworkNamespace.create() else { return false }
    return (try? ServiceProxy(ServiceProxyConfiguration(nodeName: "n"), backend: .ipvs(.rr), namespace: namespace))
      != nil
  }()
  static let condition: ConditionTrait = .enabled(
    if: isSupported, "this kernel has no IPVS (CONFIG_IP_VS); the suite runs in qemu")
  static let backend = TestBackend.ipvs

  /// Without IPVS the choice is named.
  @Test(.disabled(if: isSupported, "this kernel has IPVS")) func aKernelWithoutSaysSo() throws {
    let namespace = try NetworkNamespace.create()
    let error = #expect(throws: ServiceBackendError.self) {
      try ServiceProxy(ServiceProxyConfiguration(nodeName: "n"), backend: .ipvs(.rr), namespace: namespace)
    }
    #expect(error?.description.contains("choose --services-backend nftables or iptables") == true)
  }

  @Test(condition) func everyRowOfTheTable() throws { try SemanticsKernelTests.check(Self.backend) }
  @Test(condition) func sctp() throws { try ServiceProxyKernelTests().sctp(Self.backend) }

  @Test(condition) func sharesUpdatesAndRefusals() throws {
    try ServiceProxyKernelTests().sharesUpdatesAndRefusals(Self.backend)
  }
  @Test(condition) func udpFlowsLeaveAnEndpointThatIsGone() throws {
    let node = try TestNode("udp-v", pods: ServiceProxyKernelTests.pods)
    let proxy = try Self.backend.proxy(ServiceProxyKernelTests.configuration, node)
    try proxy.sync(full: [ServiceProxyKernelTests.web([11])])
    let datagrams = node.background("client", "datagrams", "10.96.0.1", 80, 2000)
    TestNode.wait { node.run("node", "ipvsadm -Lnc").contains("10.96.0.1:80") }
    try proxy.update(service: NamespacedName("default", "web"), to: ServiceProxyKernelTests.web([12]))
    let counts = TestNode.byName(datagrams())
    #expect(counts["b1"] ?? 0 > 0 && counts["b2"] ?? 0 > 0, "\(counts)")
    #expect((counts["b1"] ?? 0) + (counts["b2"] ?? 0) >= 1980, "\(counts)")
  }
  @Test(condition) func nobodyMeetsWhoIsGone() throws { try StressKernelTests().nobodyMeetsWhoIsGone(Self.backend) }
  @Test(condition) func nodePortAddresses() throws { try NodePortAddressesKernelTests.check(Self.backend) }

  @Test(condition) func affinityHoldsAndForgets() throws {
    let node = try TestNode("affinity-v", pods: ["client": 9, "b1": 11, "b2": 12])
    let proxy = try Self.backend.proxy(OuterFrontendKernelTests.configuration, node)
    func web(_ endpoints: [Int]) -> ServiceWithEndpoints {
      OuterFrontendKernelTests.web(endpoints) { $0.affinityTimeout = 600 }
    }
    try proxy.sync(full: [web([11, 12])])
    // Listed with its timeout.
    #expect(node.run("node", "ipvsadm -Ln").contains("TCP  10.96.0.1:80 rr persistent 600"))
    func ask(_ count: Int) -> [Set<String>] {
      [("tcp", "10.96.0.1", 80), ("udp", "fd00:96::1", 80), ("tcp", "192.0.2.1", 30080)].map { mode, address, port in
        let seen = node.client("client", mode, address, port, count)
        #expect(seen.values.reduce(0, +) == count, "\(seen)")
        return Set(TestNode.byName(seen).keys)
      }
    }
    let first = ask(8)
    #expect(first.allSatisfy { $0.count == 1 && $0.isSubset(of: ["b1", "b2"]) }, "\(first)")
    #expect(ask(2) == first)
    // Who is remembered is told, also by the frontend of a NodePort.
    let remembered = Set(try #require(try proxy.counts()).remembered.map { "\($0.client) \($0.frontend)" })
    let frontends = [
      FrontendKey(IPAddress("10.96.0.1")!, .tcp, 80), FrontendKey(IPAddress("fd00:96::1")!, .udp, 80),
      .nodePort(.v4, .tcp, 30080),
    ]
    #expect(remembered == Set(zip(["10.244.0.9", "fd00:244::9", "10.244.0.9"], frontends).map { "\($0) \($1)" }))
    // The endpoint of the first goes: the next connections have the other one.
    let (gone, left) = first[0] == ["b1"] ? (11, "b2") : (12, "b1")
    try proxy.update([(NamespacedName("default", "web"), web([11, 12].filter { $0 != gone }))])
    #expect(ask(4) == [[left], [left], [left]])
  }

  /// Where IPVS is like kube-proxy's IPVS: with `externalTrafficPolicy: Local` pods get this node's endpoints too, as long
  /// as it has any. What clients outside see is in the table.
  @Test(condition) func localPolicyIsForPodsToo() throws {
    let node = try TestNode("local-v", pods: OuterFrontendKernelTests.pods)
    let proxy = try Self.backend.proxy(OuterFrontendKernelTests.configuration, node)
    try proxy.sync(full: [OuterFrontendKernelTests.web([11, 20]) { $0.isExternalTrafficLocal = true }])
    #expect(node.client("client", "tcp", "203.0.113.1", 80, 4) == ["here 10.244.0.9": 4])
  }

  @Test(condition) func everySchedulerIsTheKernels() throws {
    let node = try TestNode("sched-v", pods: ["client": 9, "b1": 11, "b2": 12])
    for scheduler in IPVSScheduler.allCases {
      let proxy = try ServiceProxy(
        ServiceProxyKernelTests.configuration, backend: .ipvs(scheduler), namespace: node.namespace)
      // After the first one this changes the scheduler of virtual services that are there.
      try proxy.sync(full: [ServiceProxyKernelTests.web([11, 12])])
      #expect(proxy.statistics.elements > 0)
      let listing = node.run("node", "ipvsadm -Ln")
      #expect(listing.contains("TCP  10.96.0.1:80 \(scheduler.rawValue)"), "\(listing)")
      #expect(listing.contains("UDP  [fd00:96::1]:80 \(scheduler.rawValue)"), "\(listing)")
      #expect(listing.contains("-> 10.244.0.11:8080             Masq    1"), "\(listing)")
      // Two kinds: one that looks at the connection count and one at the client.
      if [.wlc, .mh].contains(scheduler) {
        let seen = TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 4))
        #expect(Set(seen.keys).isSubset(of: ["b1", "b2"]) && seen.values.reduce(0, +) == 4, "\(scheduler) \(seen)")
      }
    }
    let fresh = try ServiceProxy(ServiceProxyKernelTests.configuration, backend: .ipvs(.nq), namespace: node.namespace)
    try fresh.sync(full: [ServiceProxyKernelTests.web([11, 12])])
    #expect(fresh.statistics.elements == 0)
  }

  @Test(condition) func endpointsDrainAndFlushesAreRepaired() throws {
    let node = try TestNode("drain-v", pods: ["client": 9, "b1": 11, "b2": 12])
    let proxy = try Self.backend.proxy(ServiceProxyKernelTests.configuration, node)
    try proxy.sync(full: [ServiceProxyKernelTests.web([11])])
    // Long enough for a machine that is emulated.
    let stream = node.background("client", "stream", "10.96.0.1", 80, 2000)
    TestNode.wait { node.run("node", "ipvsadm -Ln").contains("Masq    1      1 ") }
    try proxy.update(service: NamespacedName("default", "web"), to: ServiceProxyKernelTests.web([12]))
    let listing = node.run("node", "ipvsadm -Ln")
    #expect(listing.contains("-> 10.244.0.11:8080             Masq    0      1"), "\(listing)")
    #expect(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 5)) == ["b2": 5])
    #expect(try !proxy.repairIfLost())
    #expect(node.run("node", "ipvsadm -Ln").contains("10.244.0.11"))
    #expect(TestNode.byName(stream()) == ["b1": 2000])
    // A connection that was reset is remembered for 10 s (tcp_timeouts of ip_vs_proto_tcp.c).
    for _ in 0..<300 {
      if !node.run("node", "ipvsadm -Ln").contains("10.244.0.11") { break }
      usleep(200_000)
      #expect(try !proxy.repairIfLost())
    }
    #expect(!node.run("node", "ipvsadm -Ln").contains("10.244.0.11"))

    #expect(node.run("node", "ipvsadm -C") == "")
    #expect(try proxy.repairIfLost())
    #expect(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 2)) == ["b2": 2])
    // A server of the node's own is not at a Service's address.
    #expect(node.client("client", "tcp", "10.96.0.1", 81, 1) == ["ECONNREFUSED": 1])
    #expect(node.run("node", "ip -j addr show dev kube-ipvs0").contains("10.96.0.1"))
  }

  @Test(condition, arguments: TestBackend.all)
  func switchingLosesNoConnection(_ other: TestBackend) throws {
    try SwitchingKernelTests.check([other, Self.backend, other], "sv-\(other)", connections: 600)
  }

  @Test(condition) func kubeProxysGo() throws {
    let node = try TestNode("clean-v", pods: [:])
    for command in [
      "ip link add kube-ipvs0 type dummy", "ip addr add 10.96.0.1/32 dev kube-ipvs0",
      "ipvsadm -A -t 10.96.0.1:443 -s rr",
      "ipvsadm -a -t 10.96.0.1:443 -r 10.0.0.1:6443 -m", "ipvsadm -A -t 198.51.100.7:80 -s wlc",
    ] { #expect(node.run("node", command) == "") }
    let (_, problems) = KubeProxyCleanup.run(namespace: node.namespace)
    #expect(problems == [])
    #expect(!node.run("node", "ip link").contains("kube-ipvs0"))
    let listing = node.run("node", "ipvsadm -Ln")
    #expect(!listing.contains("10.96.0.1") && listing.contains("198.51.100.7"), "\(listing)")
  }
}
