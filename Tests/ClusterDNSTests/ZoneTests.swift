import Addressing
import ClusterModel
import Testing

@testable import ClusterDNS

@Suite struct ZoneTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var type: RecordType
    var code: ResponseCode
    var answers: [String]
    var testDescription: String { "\(name) \(type.rawValue)" }

    init(_ name: String, _ type: RecordType, _ answers: String...) {
      self.init(name, type, .noError, answers)
    }
    init(_ name: String, _ type: RecordType, _ code: ResponseCode, _ answers: [String] = []) {
      self.name = name + ".cluster.local"
      self.type = type
      self.code = code
      self.answers = answers
    }
  }

  static let none = ResponseCode.nameError

  static let cases: [Case] = [
    Case("dns-version", .txt, "dns-version.cluster.local TXT 1.1.0"),
    Case("dns-version", .a), Case("x.dns-version", .a, none),
    // The name server that NS and SOA name, and the name above it.
    Case("ns.dns", .a, "ns.dns.cluster.local A 10.96.0.10"),
    Case("NS.dns", .aaaa, "ns.dns.cluster.local AAAA fd00:96::10"),
    Case("ns.dns", .srv), Case("dns", .a), Case("x.dns", .a, none), Case("x.ns.dns", .a, none),
    Case("web.default.svc", .a, "web.default.svc.cluster.local A 10.96.0.20"),
    Case("WEB.Default.sVc", .a, "web.default.svc.cluster.local A 10.96.0.20"),
    Case("web.default.svc", .aaaa, "web.default.svc.cluster.local AAAA fd00:96::20"),
    Case("single.default.svc", .aaaa),
    Case("web.default.svc", .mx),
    Case("web.default.svc", RecordType(rawValue: 65280)),
    Case("web.default.svc", .any, "web.default.svc.cluster.local HINFO"),
    Case("nothing.default.svc", .a, none),
    Case("web.elsewhere.svc", .a, none),
    // SRV of a ClusterIP: the named port; without a port all of them.
    Case(
      "_http._tcp.web.default.svc", .srv,
      "_http._tcp.web.default.svc.cluster.local SRV 80 web.default.svc.cluster.local"),
    Case(
      "_HTTP._TCP.web.default.svc", .srv,
      "_http._tcp.web.default.svc.cluster.local SRV 80 web.default.svc.cluster.local"),
    Case("_http._udp.web.default.svc", .srv, none),
    Case("_none._tcp.web.default.svc", .srv, none),
    Case("_http._tcp.web.default.svc", .a),
    Case("_tcp.web.default.svc", .srv),
    Case("_udp.web.default.svc", .srv, none),
    Case(
      "web.default.svc", .srv, "web.default.svc.cluster.local SRV 80 web.default.svc.cluster.local",
      "web.default.svc.cluster.local SRV 9090 web.default.svc.cluster.local"),
    // Endpoints of a ClusterIP Service have names too.
    Case("10-244-1-5.web.default.svc", .a, "10-244-1-5.web.default.svc.cluster.local A 10.244.1.5"),
    Case("10-244-1-6.web.default.svc", .a, none),
    Case("10-244-1-5.web.default.svc", .aaaa), Case("_sctp.web.default.svc", .a, none),
    Case("_.web.default.svc", .a, none), Case("_._tcp.web.default.svc", .srv, none),
    Case("http._tcp.web.default.svc", .srv, none), Case("_http.tcp.web.default.svc", .srv, none),
    // Headless.
    Case("db.shop.svc", .a, "db.shop.svc.cluster.local A 10.244.1.7", "db.shop.svc.cluster.local A 10.244.2.8"),
    Case(
      "db.shop.svc", .aaaa, "db.shop.svc.cluster.local AAAA fd00:244:1::7",
      "db.shop.svc.cluster.local AAAA fd00:244:2::"),
    Case("db-0.db.shop.svc", .a, "db-0.db.shop.svc.cluster.local A 10.244.1.7"),
    Case("db-0.db.shop.svc", .aaaa, "db-0.db.shop.svc.cluster.local AAAA fd00:244:1::7"),
    Case("db-2.db.shop.svc", .a, none),
    Case("10-244-2-8.db.shop.svc", .a, "10-244-2-8.db.shop.svc.cluster.local A 10.244.2.8"),
    Case("10-244-2-8.db.shop.svc", .aaaa),
    Case("fd00-244-2--0.db.shop.svc", .aaaa, "fd00-244-2--0.db.shop.svc.cluster.local AAAA fd00:244:2::"),
    Case(
      "_sql._tcp.db.shop.svc", .srv, "_sql._tcp.db.shop.svc.cluster.local SRV 5432 db-0.db.shop.svc.cluster.local",
      "_sql._tcp.db.shop.svc.cluster.local SRV 5432 10-244-2-8.db.shop.svc.cluster.local",
      "_sql._tcp.db.shop.svc.cluster.local SRV 5432 fd00-244-2--0.db.shop.svc.cluster.local"),
    Case("empty.shop.svc", .a, none),
    Case("a.b.db.shop.svc", .a, none),
    // ExternalName.
    Case("out.shop.svc", .a, "out.shop.svc.cluster.local CNAME example.com"),
    Case("out.shop.svc", .cname, "out.shop.svc.cluster.local CNAME example.com"),
    Case(
      "alias.shop.svc", .a, "alias.shop.svc.cluster.local CNAME web.default.svc.cluster.local",
      "web.default.svc.cluster.local A 10.96.0.20"),
    Case("alias.shop.svc", .cname, "alias.shop.svc.cluster.local CNAME web.default.svc.cluster.local"),
    Case(
      "alias.shop.svc", .mx, .noError, ["alias.shop.svc.cluster.local CNAME web.default.svc.cluster.local"]),
    Case("literal.shop.svc", .a, none),
    Case("loop.shop.svc", .a, .serverFailure),
    // Names without records of their own.
    Case("svc", .a), Case("pod", .a), Case("default.svc", .a), Case("quiet.svc", .a), Case("elsewhere.svc", .a, none),
    Case("work.pod", .a), Case("elsewhere.pod", .a, none),
    Case("unknown", .a, none), Case("web.default", .a, none), Case("x.y.z.web.default.svc", .a, none),
    Case("google.com", .a, none), Case("google.com.default.svc", .a, none),
    // Pods, insecure: any address in a namespace that exists.
    Case("10-9-8-7.default.pod", .a, "10-9-8-7.default.pod.cluster.local A 10.9.8.7"),
    Case("10-9-8-7.default.pod", .aaaa),
    Case("fd00--7.default.pod", .aaaa, "fd00--7.default.pod.cluster.local AAAA fd00::7"),
    Case("10-9-8-7.elsewhere.pod", .a, none),
    Case("10-9-8.default.pod", .a, none), Case("10-9-8-777.default.pod", .a, none), Case("web.default.pod", .a, none),
  ]

  @Test(arguments: cases) func answers(_ test: Case) throws {
    let reply = try #require(Samples.responder(Samples.zone()).reply(test.name, test.type))
    #expect(reply.code == test.code.rawValue)
    #expect(reply.answers == test.answers)
    #expect(reply.question == test.name)
    if test.code == .serverFailure { return }
    #expect(reply.isAuthoritative)
    let hasData = reply.answers.contains { !$0.contains("CNAME") } || test.type == .cname || test.name.hasPrefix("out")
    #expect(reply.authorities == (hasData ? [] : ["cluster.local SOA ns.dns.cluster.local"]))
  }

  @Test func apexAndStartOfAuthority() throws {
    let responder = Samples.responder(Samples.zone())
    #expect(responder.reply("cluster.local", .soa)?.answers == ["cluster.local SOA ns.dns.cluster.local"])
    #expect(responder.reply("cluster.local", .ns)?.answers == ["cluster.local NS ns.dns.cluster.local"])
    let nodata = try #require(responder.reply("cluster.local", .a))
    #expect(nodata.code == 0 && nodata.answers.isEmpty && nodata.authorities.count == 1)
  }

  @Test(
    arguments: [
      ("10-244-4-4.work.pod", RecordType.a, ["10-244-4-4.work.pod.cluster.local A 10.244.4.4"]),
      ("fd00-244-4--4.work.pod", .aaaa, ["fd00-244-4--4.work.pod.cluster.local AAAA fd00:244:4::4"]),
      ("10-244-4-4.default.pod", .a, nil), ("10-244-4-5.work.pod", .a, nil),
    ] as [(String, RecordType, [String]?)]) func verifiedPods(_ name: String, _ type: RecordType, _ answers: [String]?)
    throws
  {
    let reply = try #require(Samples.responder(Samples.zone(), pods: .verified).reply(name + ".cluster.local", type))
    #expect(reply.code == (answers == nil ? 3 : 0))
    #expect(reply.answers == answers ?? [])
  }

  @Test func disabledPodsDoNotExist() {
    let responder = Samples.responder(Samples.zone(), pods: .disabled)
    #expect(responder.reply("10-244-4-4.work.pod.cluster.local")?.code == 3)
  }

  @Test(
    arguments: [
      ("20.0.96.10.in-addr.arpa", "web.default.svc.cluster.local"),
      ("7.1.244.10.in-addr.arpa", "db-0.db.shop.svc.cluster.local"),
      ("5.1.244.10.in-addr.arpa", "10-244-1-5.web.default.svc.cluster.local"),
      ("0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.D.F.ip6.arpa", "web.default.svc.cluster.local"),
      ("9.3.244.10.in-addr.arpa", nil),
    ] as [(String, String?)]) func reverse(_ name: String, _ target: String?) throws
  {
    let responder = Samples.responder(Samples.zone(), reverse: [Prefix(IPAddress("10.244.0.0")!, length: 16)])
    let reply = try #require(responder.reply(name, .ptr))
    #expect(reply.code == (target == nil ? 3 : 0))
    #expect(reply.answers == (target.map { ["\(name.lowercased()) PTR \($0)"] } ?? []))
    if target == nil { #expect(reply.authorities == ["in-addr.arpa SOA ns.dns.cluster.local"]) }
  }

  @Test func serviceRecordsBringTheirTargetsAddresses() throws {
    let reply = try #require(Samples.responder(Samples.zone()).reply("_sql._tcp.db.shop.svc.cluster.local", .srv))
    #expect(
      reply.additionals == [
        "db-0.db.shop.svc.cluster.local A 10.244.1.7", "db-0.db.shop.svc.cluster.local AAAA fd00:244:1::7",
        "10-244-2-8.db.shop.svc.cluster.local A 10.244.2.8",
        "fd00-244-2--0.db.shop.svc.cluster.local AAAA fd00:244:2::",
      ])
  }

  @Test func aliasesOutsideAreAskedUpstream() {
    let query = Query()
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1232)
    defer { buffer.deallocate() }
    Question("out.shop.svc.cluster.local").bytes.withUnsafeBufferPointer { message in
      let verdict = query.parse(message)
      var writer = ResponseWriter(buffer)
      let responder = Samples.responder(Samples.zone(), upstreams: true)
      let outcome = responder.respond(to: query, verdict, into: &writer, limit: 512, isTCP: false, turn: 0)
      guard case .forward(let forwarding) = outcome else {
        Issue.record("answered here")
        return
      }
      #expect(forwarding.aliases.map(\.description) == ["example.com"])
    }
  }

  @Test func nothingIsDeniedBeforeTheFirstSync() {
    let zone = Samples.zone(synced: false)
    let responder = Samples.responder(zone)
    #expect(responder.reply("web.default.svc.cluster.local")?.code == 2)
    #expect(responder.reply("unknown.cluster.local")?.code == 2)
    #expect(responder.reply("dns-version.cluster.local", .txt)?.answers.count == 1)
    zone.update(service: Samples.web.service.id, to: Samples.web)
    #expect(responder.reply("web.default.svc.cluster.local")?.answers.count == 1)
    #expect(responder.reply("single.default.svc.cluster.local")?.code == 2)
    zone.replaceAll([Samples.web], pods: [Pod](), namespaces: [String]())
    #expect(responder.reply("single.default.svc.cluster.local")?.code == 3)
  }

  @Test func singleKeysComeAndGo() {
    let zone = Samples.zone()
    let responder = Samples.responder(zone)
    var web = Samples.web
    web.service.clusterAddresses = [IPAddress("10.96.7.7")!]
    zone.update(service: web.service.id, to: web)
    #expect(responder.reply("web.default.svc.cluster.local")?.answers == ["web.default.svc.cluster.local A 10.96.7.7"])
    #expect(responder.reply("20.0.96.10.in-addr.arpa", .ptr)?.code == 5)
    #expect(responder.reply("7.7.96.10.in-addr.arpa", .ptr)?.answers.count == 1)
    zone.update(service: web.service.id, to: nil)
    #expect(responder.reply("web.default.svc.cluster.local")?.code == 3)
    #expect(responder.reply("7.7.96.10.in-addr.arpa", .ptr)?.code == 5)
    #expect(responder.reply("default.svc.cluster.local")?.code == 0)
    zone.update(service: Samples.single.service.id, to: nil)
    #expect(responder.reply("default.svc.cluster.local")?.code == 3)
    // The namespace of a pod exists as long as the pod.
    zone.update(pod: Samples.pod.id, to: nil)
    #expect(responder.reply("work.pod.cluster.local")?.code == 3)
    // A full replacement removes what it does not hold.
    zone.replaceAll([Samples.single], pods: [Samples.pod], namespaces: [String]())
    #expect(responder.reply("db.shop.svc.cluster.local")?.code == 3)
    #expect(responder.reply("quiet.svc.cluster.local")?.code == 3)
    #expect(responder.reply("single.default.svc.cluster.local")?.answers.count == 1)
  }

  @Test func headlessAddressesTakeTurns() {
    let responder = Samples.responder(Samples.zone())
    let first = Set((0..<4).compactMap { responder.reply("db.shop.svc.cluster.local", turn: $0)?.answers.first })
    #expect(first.count == 2)
  }

  @Test func fixedHosts() throws {
    let responder = Samples.responder(nil)
    responder.hosts.replace([
      try DomainName(parsing: "www.example.com"): [IPAddress("203.0.113.10")!, IPAddress("2001:db8::10")!]
    ])
    #expect(responder.reply("WWW.example.com")?.answers == ["www.example.com A 203.0.113.10"])
    #expect(responder.reply("www.example.com", .aaaa)?.answers == ["www.example.com AAAA 2001:db8::10"])
    #expect(responder.reply("www.example.com", .mx)?.code == 0)
    #expect(responder.reply("example.com")?.code == 0)
    #expect(responder.reply("10.113.0.203.in-addr.arpa", .ptr)?.answers.count == 1)
    let missing = try #require(responder.reply("other.example.com"))
    #expect(missing.code == 3 && missing.isAuthoritative && missing.authorities.count == 1)
  }

  @Test func endpointNames() {
    for (address, label) in [
      ("10.0.0.1", "10-0-0-1"), ("2001:db8::1", "2001-db8--1"), ("2001:db8::", "2001-db8--0"), ("::1", "0--1"),
    ] {
      #expect(EndpointName.label(IPAddress(address)!) == label)
      #expect(Array(label.utf8).withUnsafeBufferPointer { EndpointName.address(label: $0) } == IPAddress(address))
    }
  }
}
