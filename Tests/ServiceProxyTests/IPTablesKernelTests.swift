import Addressing
import ClusterModel
import Glibc
import Netlink
import ServiceProxy
import Testing

/// What is particular to iptables; the semantics are tested with those of nftables.
@Suite(.serialized) struct IPTablesKernelTests {
  static let configuration = ServiceProxyKernelTests.configuration

  static func variant(_ backend: TestBackend) -> String {
    if case .iptables(let variant) = backend.kind { return variant.rawValue }
    return "iptables"
  }

  /// All rules of both families, without counters and times.
  static func rules(_ node: TestNode, _ backend: TestBackend) -> [Substring] {
    let name = variant(backend)
    let six = "ip6" + name.dropFirst(2)
    return node.run("node", "sh -c '\(name)-save; \(six)-save'").split(separator: "\n").filter {
      !$0.hasPrefix("#") && ($0.contains("KUBE-") || $0.hasPrefix("*"))
    }
  }

  @Test(arguments: TestBackend.iptables) func randomUpdatesLeaveTheKernelLikeAFreshStart(_ backend: TestBackend) throws
  {
    let node = try TestNode("irandom-\(backend)", pods: [:])
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [])
    var generator = SplitMix(state: 7)
    var services: [NamespacedName: ServiceWithEndpoints] = [:]
    for _ in 0..<80 {
      let name = "s\(Int.random(in: 0..<15, using: &generator))"
      let id = NamespacedName("default", name)
      services[id] =
        Bool.random(using: &generator) && services[id] != nil ? nil : ServiceStateTests.random(name, &generator)
      try proxy.update(service: id, to: services[id])
    }
    // None of them was refused and repaired.
    #expect(proxy.statistics.replacements == 2)
    // The metric tells how many rules there are, as iptables-save counts them.
    let (four, six) = (Self.variant(backend), "ip6" + Self.variant(backend).dropFirst(2))
    for (program, family) in [(four, IPFamily.v4), (six, .v6)] {
      for table in ["nat", "filter"] {
        let rules = node.run("node", "\(program)-save -t \(table)").split(separator: "\n")
        let count = rules.count { $0.hasPrefix("-A") && $0.contains("KUBE-") }
        #expect(proxy.statistics.rules[.init(family, table)]?.total == count, "\(program) \(table)")
      }
    }
    let fresh = try backend.proxy(Self.configuration, node)
    try fresh.sync(full: Array(services.values))
    #expect(fresh.statistics.elements == 0, "\(fresh.statistics)")
    // What iptables prints, it reads.
    let name = Self.variant(backend)
    let before = Self.rules(node, backend).sorted()
    #expect(
      node.run(
        "node",
        "sh -c '\(name)-save > /tmp/\(node.prefix)/rules && \(name)-restore < /tmp/\(node.prefix)/rules'; rm /tmp/\(node.prefix)/rules"
      )
        == "")
    #expect(Self.rules(node, backend).sorted() == before)
  }

  @Test(arguments: TestBackend.iptables) func aChangeTouchesOnlyItsServicesChains(_ backend: TestBackend) throws {
    let node = try TestNode("itouch-\(backend)", pods: [:])
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: (1...20).map { ServiceProxyKernelTests.web([11, 12], name: "s\($0)", address: $0) })
    let before = Self.rules(node, backend)
    // A chain of another Service, edited by hand, stays as it is: nobody looked at it.
    let name = Self.variant(backend)
    #expect(node.run("node", "\(name) -t nat -A KUBE-POSTROUTING -j RETURN") == "")
    let elements = proxy.statistics.elements
    try proxy.update(
      service: NamespacedName("default", "s3"), to: ServiceProxyKernelTests.web([11, 13], name: "s3", address: 3))
    // Per port (TCP, UDP) and family: the Service's chain of 4 rules with a comparison each, one endpoint's that comes (2)
    // and one that goes (1 chain).
    #expect(proxy.statistics.elements - elements == 4 * (3 + 2 + 1))
    #expect(node.run("node", "\(name) -t nat -S KUBE-POSTROUTING").contains("-A KUBE-POSTROUTING -j RETURN"))
    try proxy.update(
      service: NamespacedName("default", "s3"), to: ServiceProxyKernelTests.web([11, 12], name: "s3", address: 3))
    #expect(node.run("node", "\(name) -t nat -D KUBE-POSTROUTING -j RETURN") == "")
    #expect(Self.rules(node, backend) == before)
  }

  /// More chains than one call of iptables-restore is given come and go as few do.
  @Test(arguments: TestBackend.iptables) func manyChainsComeAndGo(_ backend: TestBackend) throws {
    let node = try TestNode("imany-\(backend)", pods: ["client": 9, "b1": 11])
    let proxy = try backend.proxy(Self.configuration, node)
    let services = (2...140).map { number in
      Fixture.service(
        "s\(number)", ["10.96.1.\(number)"], ports: [Service.Port(port: 80)],
        endpoints: (1...12).map { Fixture.endpoint("10.245.\(number).\($0)") })
    }
    try proxy.sync(full: services + [ServiceProxyKernelTests.web([11])])
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 2) == ["b1 10.244.0.9": 2])
    let fresh = try backend.proxy(Self.configuration, node)
    try fresh.sync(full: services + [ServiceProxyKernelTests.web([11])])
    #expect(fresh.statistics.elements == 0 && fresh.statistics.failures == 0)
    // Most of them go at once.
    try fresh.sync(full: [ServiceProxyKernelTests.web([11])])
    #expect(fresh.statistics.failures == 0)
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 2) == ["b1 10.244.0.9": 2])
    #expect(Self.rules(node, backend).count { $0.hasPrefix(":KUBE-SEP-") } == 4)
    try fresh.sync(full: services)
    // Another back end clears all of it away.
    try TestBackend.nftables.proxy(Self.configuration, node).sync(full: [ServiceProxyKernelTests.web([11])])
    #expect(!Self.rules(node, backend).contains { $0.contains("KUBE-") })
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 2) == ["b1 10.244.0.9": 2])
  }

  /// What iptables-restore committed for us is not taken for others' work, and what others did to the table beside is mended.
  @Test(arguments: TestBackend.iptables) func ownProgramsAreNotOthers(_ backend: TestBackend) throws {
    let node = try TestNode("iown-\(backend)", pods: [:])
    let proxy = try backend.proxy(Self.configuration, node)
    let count = { node.run("node", "nft list tables").split(separator: "\n").count { $0.contains("swiftlet-") } }
    // Nothing is written before the first synchronization.
    #expect(try !proxy.repairIfOthersCommitted() && count() == 0)
    try proxy.sync(full: [ServiceProxyKernelTests.web([11])])
    #expect(try !proxy.repairIfOthersCommitted() && count() == 1)
    _ = node.run("node", "nft delete table inet swiftlet-masquerade")
    #expect(try proxy.repairIfOthersCommitted() && count() == 1)
    #expect(try !proxy.repairIfOthersCommitted())
  }

  /// Connections are counted for each frontend, and for each endpoint of a port; who is remembered is told.
  @Test(arguments: TestBackend.iptables) func connectionsAreCounted(_ backend: TestBackend) throws {
    let node = try TestNode("icount-\(backend)", pods: ["client": 9, "here": 11, "two": 12])
    let proxy = try backend.proxy(OuterFrontendKernelTests.configuration, node)
    try proxy.sync(full: [OuterFrontendKernelTests.web([11, 12]) { $0.affinityTimeout = 600 }])
    var seen = TestNode.byName(node.client("client", "tcp", "10.96.0.1", 80, 5))
    seen.merge(TestNode.byName(node.client("world", "tcp", "192.0.2.1", 30080, 4))) { $0 + $1 }
    let six = TestNode.byName(node.client("client", "udp", "fd00:96::1", 80, 3))
    let counts = try #require(try proxy.counts())
    let cluster = Fixture.key("10.96.0.1")
    #expect(counts.frontends[cluster] == 5)
    #expect(counts.frontends[.nodePort(.v4, .tcp, 30080)] == 4)
    #expect(counts.frontends[FrontendKey(IPAddress("fd00:96::1")!, .udp, 80)] == 3)
    let names = ["10.244.0.11": "here", "10.244.0.12": "two", "fd00:244::11": "here", "fd00:244::12": "two"]
    func byName(_ keep: (FrontendKey) -> Bool) -> [String: Int] {
      counts.targets.filter { keep($0.key) }.values.joined().reduce(into: [:]) { result, entry in
        if entry.value > 0 { result[names["\(entry.key.address)"] ?? "?", default: 0] += Int(entry.value) }
      }
    }
    // Of a port together, whichever address was asked for.
    #expect(byName { $0.address.family == .v4 && $0.transport == .tcp } == seen)
    #expect(byName { $0.address.family == .v6 && $0.transport == .udp } == six)
    let clients = Set(counts.remembered.map { "\($0.client)" })
    #expect(clients == ["10.244.0.9", "192.0.2.2", "fd00:244::9"], "\(counts.remembered)")
    // A scrape of the metrics reads no rules.
    #expect(try proxy.counts(endpoints: false) == nil)
  }

  @Test(arguments: TestBackend.iptables) func flushAndEditAreRepaired(_ backend: TestBackend) throws {
    let node = try TestNode("iflush-\(backend)", pods: ["client": 9, "b1": 11])
    let name = Self.variant(backend)
    // Someone else's rules, which stay.
    #expect(node.run("node", "\(name) -t nat -N OTHERS") == "")
    #expect(node.run("node", "\(name) -t nat -A PREROUTING -j OTHERS") == "")
    let proxy = try backend.proxy(Self.configuration, node)
    try proxy.sync(full: [ServiceProxyKernelTests.web([11])])
    #expect(try !proxy.repairIfLost())
    let before = Self.rules(node, backend)
    #expect(node.run("node", "\(name) -t nat -F") == "")
    #expect(node.run("node", "\(name) -t nat -X") == "")
    #expect(try proxy.repairIfLost())
    #expect(Self.rules(node, backend) == before)
    #expect(node.client("client", "tcp", "10.96.0.1", 80, 3) == ["b1 10.244.0.9": 3])
    // An update that trips over an edit repairs, too.
    #expect(node.run("node", "\(name) -t nat -F KUBE-SERVICES") == "")
    try proxy.update(service: NamespacedName("default", "web"), to: nil)
    try proxy.update(service: NamespacedName("default", "web"), to: ServiceProxyKernelTests.web([11]))
    #expect(Self.rules(node, backend).sorted() == before.sorted())
  }
}
