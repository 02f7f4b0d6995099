import Addressing
import ClusterModel
import Glibc
import Linux
import Netlink
import ServiceProxy
import Synchronization
import Testing

/// Real packets through the table, asked for and answered by other programs.
@Suite(.serialized) struct ServiceProxyKernelTests {
  static let configuration = ServiceProxyConfiguration(
    nodeName: "node1", localPodRanges: [Prefix("10.244.0.0/24")!, Prefix("fd00:244::/64")!],
    serviceRanges: [Prefix("10.96.0.0/16")!, Prefix("fd00:96::/112")!],
    clusterRanges: [Prefix("10.244.0.0/16")!, Prefix("fd00:244::/56")!])
  static let pods = ["client": 9, "b1": 11, "b2": 12, "b3": 13]
  static let ports = [
    Service.Port(name: "t", transport: .tcp, port: 80), Service.Port(name: "u", transport: .udp, port: 80),
  ]

  static func web(_ backends: [Int], name: String = "web", address: Int = 1) -> ServiceWithEndpoints {
    Fixture.service(
      name, ["10.96.0.\(address)", "fd00:96::\(address)"], ports: ports,
      endpoints: backends.flatMap { [Fixture.endpoint("10.244.0.\($0)"), Fixture.endpoint("fd00:244::\($0)")] })
  }

  static let addresses = ["10.96.0.1", "fd00:96::1"]

  /// Two connections at once from one port to two Services and one endpoint: the second gets another port behind. IPVS, which
  /// keeps ports, is not among them (docs/services.md).
  @Test(arguments: TestBackend.all) func onePortReachesTwoServicesAtOnce(_ backend: TestBackend) throws {
    let node = try TestNode("twice-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [Self.web([11]), Self.web([11], name: "other", address: 2)])
    let script = """
      import socket
      pair = [socket.socket() for _ in range(2)]
      for number, s in enumerate(pair, 1):
          s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("", 12345)); s.settimeout(6)
          s.connect((f"10.96.0.{number}", 80)); print(s.recv(100).decode().strip())
      for s in pair: s.send(b"still"); print(s.recv(100).decode())
      """
    let said = node.run("client", "/usr/bin/python3 -IS -c '\(script)' 2>&1").split(separator: "\n")
    #expect(said == ["b1 10.244.0.9", "b1 10.244.0.9", "still", "still"])
  }

  @Test(arguments: TestBackend.all) func sharesUpdatesAndRefusals(_ backend: TestBackend) throws {
    let node = try TestNode("shares-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    // Nothing is written before the first synchronization.
    try proxy.update(service: NamespacedName("default", "web"), to: Self.web([11]))
    #expect(!node.run("node", "nft list ruleset").contains("10.96.0.1"))
    try proxy.sync(full: [Self.web([11, 12, 13]), Self.web([], name: "empty", address: 2)])

    for address in Self.addresses {
      for mode in ["tcp", "udp"] {
        // Equal shares: 100 ± 5 standard deviations (8.2); the pod's own address is seen.
        let source = address.contains(":") ? "fd00:244::9" : "10.244.0.9"
        let counts = node.client("client", mode, address, 80, 300)
        #expect(Set(counts.keys) == Set(["b1", "b2", "b3"].map { "\($0) \(source)" }), "\(mode) \(counts)")
        for count in counts.values { #expect((59...141).contains(count), "\(mode) \(address) \(counts)") }
      }
      // From the node itself, with an address of the node.
      let local = node.client("node", "tcp", address, 80, 30)
      #expect(local.values.reduce(0, +) == 30)
      #expect(local.keys.allSatisfy { $0.hasSuffix(" 10.244.0.1") || $0.hasSuffix(" fd00:244::1") }, "\(local)")
    }
    // No endpoints, another port, an address no Service has.
    for address in ["10.96.0.2", "fd00:96::2"] {
      #expect(node.client("client", "tcp", address, 80, 3) == ["ECONNREFUSED": 3])
      // The kernel sends only so many port unreachables a second; what it leaves out is silence, never an answer.
      let refused = node.client("client", "udp", address, 80, 3)
      #expect(
        (refused["ECONNREFUSED"] ?? 0) > 0 && Set(refused.keys).isSubset(of: ["ECONNREFUSED", "TIMEOUT"]), "\(refused)")
      #expect(node.client("node", "tcp", address, 80, 3) == ["ECONNREFUSED": 3])
    }
    // Another port of a Service is refused by nftables, dropped by iptables: one rule for all addresses of Services.
    #expect(
      node.client("client", "tcp", "10.96.0.1", 81, 1) == [
        backend.kind.mode == "iptables" ? "TIMEOUT" : "ECONNREFUSED": 1
      ])
    #expect(node.client("client", "tcp", "10.96.200.1", 80, 1) == ["TIMEOUT": 1])
    #expect(node.client("node", "udp", "10.96.200.1", 80, 1) == ["EPERM": 1])

    // An update moves new connections at once, and leaves one that is open alone.
    let stream = node.background("client", "stream", "10.96.0.1", 80, 100)
    usleep(300_000)
    try proxy.update(service: NamespacedName("default", "web"), to: Self.web([13]))
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 50) == ["b3 10.244.0.9": 50])
    // With its Service a connection through IPVS ends, one through the others goes on.
    var lines = backend.isIPVS ? stream().values.reduce(0, +) : 0
    try proxy.update(service: NamespacedName("default", "web"), to: nil)
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 1) == ["TIMEOUT": 1])
    if !backend.isIPVS { lines = stream().values.reduce(0, +) }
    #expect(lines == 100)
    // Chains of slot counts no longer in use are gone; only comments and rules of the constant part are left.
    if backend.isNFTables {
      #expect(!node.run("node", "nft list table inet swiftlet-services").contains("chain pick-"))
    } else if case .iptables(let variant) = backend.kind {
      let listing = node.run("node", "\(variant.rawValue)-save")
      #expect(!listing.contains("KUBE-SEP-") && !listing.contains("KUBE-SVC-"), "\(listing)")
    }
  }

  @Test(arguments: TestBackend.all) func sctp(_ backend: TestBackend) throws {
    let node = try TestNode("sctp-\(backend)", pods: Self.pods)
    node.serveSCTP(["b1", "b2"])
    let proxy = try backend.proxy(Self.configuration, node)
    func web(_ backends: [Int]) -> ServiceWithEndpoints {
      Fixture.service(
        "web", Self.addresses, ports: [Service.Port(transport: .sctp, port: 38412)],
        endpoints: backends.flatMap { [Fixture.endpoint("10.244.0.\($0)"), Fixture.endpoint("fd00:244::\($0)")] })
    }
    try proxy.sync(full: [web([11, 12])])
    for address in Self.addresses {
      let seen = node.askSCTP("client", address, 38412)
      #expect(Set(seen.keys).isSubset(of: ["b1", "b2"]) && seen.values.reduce(0, +) == 10, "\(address) \(seen)")
    }
    try proxy.update(service: NamespacedName("default", "web"), to: web([12]))
    #expect(node.askSCTP("client", "fd00:96::1", 38412) == ["b2": 10])
    #expect(node.askSCTP("node", "10.96.0.1", 38412) == ["b2": 10])
  }

  @Test(arguments: TestBackend.all) func hairpinAndTheWorld(_ backend: TestBackend) throws {
    let node = try TestNode("hairpin-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [Self.web([11])])
    // A pod reaches itself, masqueraded to the node.
    for (address, gateway) in [("10.96.0.1", "10.244.0.1"), ("fd00:96::1", "fd00:244::1")] {
      #expect(node.client("b1", "tcp", address, 80, 5) == ["b1 \(gateway)": 5])
      #expect(node.client("b1", "udp", address, 80, 5) == ["b1 \(gateway)": 5])
    }
    // A pod leaves the cluster with the node's address; pods see each other's own.
    #expect(node.client("client", "tcp", "192.0.2.2", 8080, 3) == ["world 192.0.2.1": 3])
    #expect(node.client("client", "tcp", "10.244.0.12", 8080, 3) == ["b2 10.244.0.9": 3])
    // Someone outside who reaches a ClusterIP through the node is masqueraded, or answers would pass the node by.
    #expect(node.client("world", "tcp", "10.96.0.1", 80, 3) == ["b1 10.244.0.1": 3])
  }

  @Test(arguments: TestBackend.all) func udpFlowsLeaveAnEndpointThatIsGone(_ backend: TestBackend) throws {
    let node = try TestNode("udp-\(backend)", pods: Self.pods)
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [Self.web([11])])
    let datagrams = node.background("client", "datagrams", "10.96.0.1", 80, 600)
    TestNode.wait { node.run("node", "conntrack -L -p udp 2>/dev/null").contains("dst=10.96.0.1") }
    try proxy.update(service: NamespacedName("default", "web"), to: Self.web([12]))
    let counts = TestNode.byName(datagrams())
    #expect(
      counts["b1"] ?? 0 > 0 && counts["b2"] ?? 0 > 0 && (counts["b1"] ?? 0) + (counts["b2"] ?? 0) >= 598, "\(counts)")
    #expect(proxy.statistics.deletedFlows == 1)

    // While nobody watched: the next start finds the flow that leads to an endpoint that is gone.
    _ = node.client("client", "datagrams", "10.96.0.1", 80, 1)
    let next = try backend.proxy(Self.configuration, node)
    try next.sync(full: [Self.web([13])])
    let listing = node.run("node", "conntrack -L -p udp 2>/dev/null")
    #expect(!listing.contains("src=10.244.0.12"), "\(listing)")
  }

  @Test func restartWritesNothingAndEditsAreRepaired() throws {
    let node = try TestNode("restart", pods: Self.pods)
    let services = [
      Self.web([11, 12, 13]), Self.web([11], name: "two", address: 2), Self.web([], name: "none", address: 3),
    ]
    let first = try ServiceProxy(Self.configuration, namespace: node.namespace)
    try first.sync(full: services)
    // Updates leave slots in another order than a fresh start would choose.
    try first.update(service: NamespacedName("default", "web"), to: Self.web([12, 13]))
    try first.update(service: NamespacedName("default", "web"), to: Self.web([11, 12, 13]))
    let reader = try NFTablesSocket(namespace: node.namespace)
    let generation = try reader.generation()
    let listing = node.run("node", "nft -s list ruleset")
    #expect(listing.contains("comment \"default/web:t\" :"), "\(listing)")

    let second = try ServiceProxy(Self.configuration, namespace: node.namespace)
    try second.sync(full: services)
    #expect(try reader.generation() == generation)
    let done = second.statistics
    #expect(done.commits == 0 && done.elements == 0 && done.failures == 0 && done.deletedFlows == 0, "\(done)")

    // An element someone took or added is put right, and only that is written.
    #expect(node.run("node", "nft delete element inet swiftlet-services frontends4 \\{ 10.96.0.1 . tcp . 80 \\}") == "")
    #expect(node.run("node", "nft add element inet swiftlet-services cluster-addresses4 \\{ 1.2.3.4 \\}") == "")
    try second.repair()
    #expect(second.statistics.elements == 2)
    #expect(TestNode.words(node.run("node", "nft -s list ruleset")) == TestNode.words(listing))
    // An update that trips over an edit repairs, too.
    #expect(node.run("node", "nft delete element inet swiftlet-services frontends4 \\{ 10.96.0.1 . tcp . 80 \\}") == "")
    try second.update(service: NamespacedName("default", "web"), to: Self.web([11, 12]))
    #expect(Set(TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 60)).keys) == ["b1", "b2"])
    // What is listed reloads; then the table is not ours by its rules, and is replaced without breaking a connection.
    let stream = node.background("client", "stream", "10.96.0.2", 80, 150)
    usleep(300_000)
    let file = "/tmp/\(node.prefix).nft"
    shell("ip netns exec \(node.prefix)-node nft -s list ruleset > \(file)")
    #expect(node.run("node", "nft add rule inet swiftlet-services services accept") == "")
    try second.repair()
    #expect(second.statistics.replacements == 1)
    #expect(!node.run("node", "nft list chain inet swiftlet-services services").contains("accept"))
    #expect(TestNode.byName(stream()) == ["b1": 150])
    #expect(shell("ip netns exec \(node.prefix)-node sh -c \"nft flush ruleset; nft -f \(file)\"; rm \(file)") == "")
    try second.repair()
    #expect(second.statistics.replacements == 2)
  }

  @Test func foreignFlushIsNoticedAndRepaired() throws {
    let node = try TestNode("flush", pods: Self.pods)
    let proxy = try ServiceProxy(Self.configuration, namespace: node.namespace)
    try proxy.sync(full: [Self.web([11])])
    let reports = Reports()
    // What others did before the watch was there is noticed once it is.
    node.run("node", "nft flush ruleset")
    let watcher = try proxy.startWatching { reports.add("\($0)") }
    #expect(try proxy.repairIfOthersCommitted())
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 2) == ["b1 10.244.0.9": 2])
    // What we do ourselves is no foreign change.
    try proxy.update(service: NamespacedName("default", "web"), to: Self.web([12]))
    node.run("node", "nft flush ruleset")
    for _ in 0..<500 where reports.all.isEmpty { usleep(10_000) }
    #expect(reports.all.count == 1 && reports.all.first?.contains("changed by nft (process") == true, "\(reports.all)")
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 5) == ["b2 10.244.0.9": 5])
    // A stranger's own table does not concern us.
    node.run("node", "nft add table inet stranger")
    node.run("node", "nft delete table inet swiftlet-masquerade")
    for _ in 0..<500 where reports.all.count < 2 { usleep(10_000) }
    #expect(node.run("node", "nft list ruleset").contains("fully-random"))
    #expect(reports.all.count == 2, "\(reports.all)")
    watcher.stop()

    try ServiceProxy.removeTables(namespace: node.namespace)
    #expect(node.run("node", "nft list ruleset").contains("table inet stranger"))
    #expect(!node.run("node", "nft list ruleset").contains("swiftlet"))
    try ServiceProxy.removeTables(namespace: node.namespace)
  }

  @Test func randomUpdatesLeaveTheKernelLikeAFreshStart() throws {
    let test = try TestNode("random", pods: [:])
    let proxy = try ServiceProxy(Self.configuration, namespace: test.namespace)
    try proxy.sync(full: [])
    var generator = SplitMix(state: 42)
    var services: [NamespacedName: ServiceWithEndpoints] = [:]
    for _ in 0..<300 {
      let name = "s\(Int.random(in: 0..<20, using: &generator))"
      let id = NamespacedName("default", name)
      services[id] =
        Bool.random(using: &generator) && services[id] != nil
        ? nil : ServiceStateTests.random(name, &generator)
      try proxy.update(service: id, to: services[id])
    }
    let reader = try NFTablesSocket(namespace: test.namespace)
    let generation = try reader.generation()
    // A repair and a fresh start find nothing to do.
    try proxy.repair()
    let fresh = try ServiceProxy(Self.configuration, namespace: test.namespace)
    try fresh.sync(full: Array(services.values))
    #expect(try reader.generation() == generation)
    #expect(fresh.statistics.elements == 0)
    // And nft, who is asked last, prints all of it and loads it again. What follows a connection's original port nft 1.0.6
    // prints and does not read; 1.1.3 does.
    let rule =
      "add table inet t; add map inet t m { type inet_proto . inet_service : verdict; }; add chain inet t c; "
      + "add rule inet t c meta l4proto . ct original proto-dst vmap @m"
    if test.run("node", "nft -c '\(rule)'").isEmpty { try expectReload(test) }
    for (id, service) in services {
      var plain = service
      plain.service.affinityTimeout = nil
      plain.service.isExternalTrafficLocal = false
      try proxy.update(service: id, to: plain)
    }
    try expectReload(test)
  }

  /// What nft lists of a node it loads, and then lists the same.
  private func expectReload(_ test: TestNode) throws {
    let listing = test.run("node", "nft -s list ruleset")
    #expect(listing.contains("map slots4"))
    let file = "/tmp/\(test.prefix).nft"
    #expect(
      shell(
        "ip netns exec \(test.prefix)-node sh -c \"nft -s list ruleset > \(file); nft flush ruleset; nft -f \(file)\"; rm \(file)"
      ) == "")
    #expect(TestNode.words(test.run("node", "nft -s list ruleset")) == TestNode.words(listing))
  }
}

/// What a watcher reported.
final class Reports: Sendable {
  private let texts = Mutex<[String]>([])
  var all: [String] { texts.withLock { $0 } }
  func add(_ text: String) { texts.withLock { $0.append(text) } }
}
