import Addressing
import ClusterModel
import Glibc
import Linux
import Synchronization
import Testing

@testable import ClusterDNS

/// Upstreams in groups: policies, health, connections, TLS, what is fetched ahead or kept when out of date, loops.
@Suite struct UpstreamTests {
  static func good(_ address: String, ttl: UInt32 = 60) throws -> ScriptedUpstream {
    try ScriptedUpstream(tcp: { question, _ in [ScriptedUpstream.answer(question, [address], ttl: ttl)] }) {
      question, _ in [ScriptedUpstream.answer(question, [address], ttl: ttl)]
    }
  }

  func server(_ upstreams: [Upstream], _ change: (inout BlockRules, inout ForwardRule) -> Void = { _, _ in }) throws
    -> (DNSServer, Client)
  {
    var block = BlockRules()
    var rule = ForwardRule(upstreams: upstreams)
    rule.timeout = 300
    rule.detectsLoops = false
    change(&block, &rule)
    block.forwards = [rule]
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.workers = 1
    configuration.blocks = [block]
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services)
    try server.start()
    return (server, try Client(server.addresses[0]))
  }

  @Test func policies() throws {
    let upstreams = try (1...3).map { try Self.good("203.0.113.\($0)") }
    defer { for upstream in upstreams { upstream.stop() } }
    for (policy, isEven) in [(ForwardRule.Policy.roundRobin, true), (.random, false), (.sequential, false)] {
      for upstream in upstreams { upstream.questions.withLock { $0 = [] } }
      let (server, client) = try server(upstreams.map { Upstream($0.address) }) { $1.policy = policy }
      defer { server.stop() }
      for number in 0..<60 { #expect(client.ask(Question("n\(number).\(policy.rawValue).example").bytes)?.code == 0) }
      let counts = upstreams.map { $0.questions.withLock { $0.count } }
      switch policy {
      case .sequential: #expect(counts == [60, 0, 0])
      case .roundRobin: #expect(isEven && counts == [20, 20, 20])
      case .random: #expect(counts.allSatisfy { $0 > 5 }, "\(counts)")
      }
    }
  }

  /// An upstream that is down is asked by health checks alone, and by everybody once it answers them.
  @Test func anUpstreamThatIsDownComesBack() throws {
    let isWell = Flag()
    let sick = try ScriptedUpstream { question, _ in
      isWell.isSet.load(ordering: .relaxed) ? [ScriptedUpstream.answer(question, ["203.0.113.1"])] : []
    }
    let other = try Self.good("203.0.113.2")
    let (server, client) = try server([Upstream(sick.address), Upstream(other.address)]) { _, rule in
      rule.timeout = 100
      rule.mostFailures = 1
      rule.healthInterval = 100
    }
    defer {
      server.stop()
      sick.stop()
      other.stop()
    }
    func answer(_ name: String) -> String? { client.ask(Question(name).bytes)?.answers.first }
    #expect(answer("a.example") == "a.example A 203.0.113.2")
    let before = other.questions.withLock { $0.count }
    #expect(answer("b.example") == "b.example A 203.0.113.2")
    #expect(other.questions.withLock { $0.count } == before + 1)
    isWell.isSet.store(true, ordering: .relaxed)
    // Checked every 100 ms.
    var isBack = false
    for number in 0..<100 where !isBack {
      usleep(50_000)
      isBack = answer("n\(number).example") == "n\(number).example A 203.0.113.1"
    }
    #expect(isBack)
    // Checks ask for the root's name servers.
    #expect(sick.questions.withLock { $0.contains { $0[12] == 0 && $0[14] == 2 } })
  }

  final class Flag: Sendable { let isSet = Atomic(false) }

  @Test func overTCPOnOneConnection() throws {
    let (first, _) = try server([]) { block, _ in
      block.hosts = [
        try! DomainName(parsing: "a.example"): [IPAddress("203.0.113.1")!],
        try! DomainName(parsing: "b.example"): [IPAddress("203.0.113.2")!],
      ]
    }
    let (server, client) = try server([Upstream(first.addresses[0])]) { $1.isTCPForced = true }
    defer {
      server.stop()
      first.stop()
    }
    #expect(client.ask(Question("a.example").bytes)?.answers == ["a.example A 203.0.113.1"])
    #expect(client.ask(Question("b.example").bytes)?.answers == ["b.example A 203.0.113.2"])
    #expect(first.statistics[0].values["queries_tcp"] == 2 && first.statistics[0].values["queries_udp"] == 0)
  }

  /// DNS over TLS in both directions, with kdig as an independent client, and certificates that must fit.
  @Test func overTLS() throws {
    let certificate = try ServerCertificate()
    defer { withExtendedLifetime(certificate) {} }
    let (folder, port) = (certificate.folder, try freePort())
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.tls = DNSServer.TLS(port: port, certificate: certificate.chain, key: certificate.key)
    let secure = try DNSServer(configuration)
    secure.replaceAll(Samples.services + [ProtocolTests.large])
    try secure.start()
    defer { secure.stop() }
    let name = "web.default.svc.cluster.local"
    let kdig = run(
      "kdig @127.0.0.1 -p \(port) +tls +tls-ca=\(folder)/cert +tls-host=dns.example +keepopen -q \(name) -q large.shop.svc.cluster.local"
    )
    #expect(kdig.contains("10.96.0.20") && kdig.contains("10.244.5.99") && kdig.contains("TLS1.3"), "\(kdig)")

    for (serverName, authorities, works) in [
      (nil, "\(folder)/cert", true), ("dns.example", "\(folder)/cert", true),
      ("other.example", "\(folder)/cert", false),
      ("dns.example", nil, false),
    ] as [(String?, String?, Bool)] {
      let upstream = Upstream(AddressAndPort(loopback.address, port), .tls(serverName: serverName))
      let (server, client) = try server([upstream]) { block, rule in
        rule.authorities = authorities
        block.answersCluster = false
      }
      defer { server.stop() }
      let first = client.ask(Question(name).bytes)
      let second = client.ask(Question("single.default.svc.cluster.local").bytes)
      #expect(first?.code == (works ? 0 : 2) && second?.code == (works ? 0 : 2), "\(serverName ?? "-")")
      if works { #expect(first?.answers == ["\(name) A 10.96.0.20"]) }
    }
  }

  @Test func namesThatAreAskedForOftenAreFetchedAhead() throws {
    let upstream = try Self.good("203.0.113.1", ttl: 5)
    let (server, client) = try server([Upstream(upstream.address)]) { block, _ in
      var limits = AnswerCache.Limits()
      limits.prefetch = AnswerCache.Limits.Prefetch(amount: 3)
      limits.prefetch?.percentage = 100
      block.cache = limits
    }
    defer {
      server.stop()
      upstream.stop()
    }
    for _ in 0..<8 { #expect(client.ask(Question("often.example").bytes)?.answers.count == 1) }
    for _ in 0..<100 where upstream.questions.withLock({ $0.count }) < 2 { usleep(10_000) }
    #expect(upstream.questions.withLock { $0.count } >= 2)
    #expect(client.ask(Question("seldom.example").bytes)?.answers.count == 1)
  }

  @Test(arguments: [false, true]) func answersOutOfDateAreBetterThanNone(_ verifies: Bool) throws {
    let isGone = Flag()
    let upstream = try ScriptedUpstream { question, _ in
      isGone.isSet.load(ordering: .relaxed) ? [] : [ScriptedUpstream.answer(question, ["203.0.113.1"], ttl: 1)]
    }
    let (server, client) = try server([Upstream(upstream.address)]) { block, rule in
      var limits = AnswerCache.Limits()
      limits.stale = 3600
      limits.verifiesStale = verifies
      block.cache = limits
      rule.timeout = 100
      rule.attempts = 1
    }
    defer {
      server.stop()
      upstream.stop()
    }
    #expect(client.ask(Question("a.example").bytes)?.answers.count == 1)
    isGone.isSet.store(true, ordering: .relaxed)
    sleep(2)
    let stale = try #require(client.ask(Question("a.example").bytes))
    #expect(stale.answers.count == 1 && stale.ttls == [0])
  }

  @Test func loopsAreFoundAndEnded() throws {
    // Two servers that ask each other.
    let path = "/tmp/swt-dns-loop-\(getpid()).log"
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    try #require(file >= 0)
    defer {
      close(file)
      unlink(path)
    }
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.workers = 1
    configuration.log = Log("dns", to: file)
    let second = try DNSServer(configuration)
    try second.start()
    let (first, client) = try server([Upstream(second.addresses[0])]) { $1.detectsLoops = true }
    defer {
      first.stop()
      second.stop()
    }
    var block = BlockRules()
    var rule = ForwardRule(upstreams: [Upstream(first.addresses[0])])
    rule.detectsLoops = true
    block.forwards = [rule]
    try second.reload([block])
    // The reload has the second server send its probe, which goes round.
    var isEnded = false
    for number in 0..<100 where !isEnded {
      _ = client.ask(Question("n\(number).example").bytes)
      isEnded = second.currentPlan.blocks[0].groups[0].isLooping.load(ordering: .relaxed)
      usleep(20_000)
    }
    #expect(isEnded)
    #expect(second.explain("x.example", type: "A", namespace: nil).contains { $0.contains("loop") })
    // It says so once, and what to do.
    for _ in 0..<100 where try Files.read(path).isEmpty { usleep(20_000) }
    let lines = try Files.readText(path).split(separator: "\n")
    #expect(lines.count == 1, "\(lines)")
    #expect(lines.first?.contains(" error dns: loop: a question sent to \(first.addresses[0]) came back") == true)
    #expect(lines.first?.contains("name resolvers outside the cluster") == true)
  }

  /// The search list's last answer over packets, with an upstream that does not know the first names.
  @Test func searchListsTakeOneRoundTrip() throws {
    let upstream = try ScriptedUpstream { question, _ in
      let name = nameAsked(question)
      return name == "www.example.com"
        ? [ScriptedUpstream.answer(question, ["203.0.113.9"])] : [ScriptedUpstream.nameError(question, ttl: 30)]
    }
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.upstreams = [upstream.address]
    configuration.completion = SearchCompletion(domains: [try DomainName(parsing: "corp.example")]) { _ in "work" }
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services, namespaces: ["work"])
    try server.start()
    defer {
      server.stop()
      upstream.stop()
    }
    let client = try Client(server.addresses[0])
    let name = "www.example.com.work.svc.cluster.local"
    for _ in 0..<2 {
      let reply = try #require(client.ask(Question(name).bytes))
      #expect(reply.answers == ["\(name) CNAME www.example.com", "www.example.com A 203.0.113.9"])
    }
    // Neither name exists: the one that was asked for does not.
    let none = try #require(client.ask(Question("no.such.work.svc.cluster.local").bytes))
    #expect(none.code == 3 && none.answers.isEmpty && none.authorities == ["cluster.local SOA ns.dns.cluster.local"])
    // Asked by hand over TCP too.
    let tcp = run("dig @127.0.0.1 -p \(server.addresses[0].port) +tcp +short \(name)")
    #expect(tcp == "www.example.com.\n203.0.113.9\n")
  }
}

/// The name of a question's bytes, in lower case.
func nameAsked(_ bytes: [UInt8]) -> String {
  bytes.withUnsafeBufferPointer { Reply.text(MessageReader(bytes: $0).name(at: 12)!.wire).lowercased() }
}
