import Addressing
import Testing

@testable import ClusterDNS

/// Rewriting, templates, fixed hosts, blocks, and search lists, as values.
@Suite struct RulesTests {
  func responder(_ corefile: String, upstreams: Bool = false) throws -> Responder {
    let rules = try #require(try CorefileTests.read(corefile).blocks.first)
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.nameServerAddresses = []
    let zone = Samples.zone()
    return try ServerBlock(rules, configuration, zone: zone, cache: nil).responder
  }

  @Test(
    arguments: [
      ("name web.old.example web.default.svc.cluster.local", "Web.old.example"),
      ("name exact web.old.example. web.default.svc.cluster.local.", "web.old.example"),
      ("name suffix .old.example .default.svc.cluster.local", "web.old.example"),
      ("name prefix old-web. web.", "old-web.default.svc.cluster.local"),
      ("name substring .wrong. .default.", "web.wrong.svc.cluster.local"),
      ("name regex (.*)\\.old\\.example {1}.default.svc.cluster.local", "web.old.example"),
      (
        "name regex (?P<s>[a-z]+)-(?:x|y)\\.old\\.example\\. {1}.default.svc.cluster.local answer auto",
        "web-y.old.example"
      ),
    ]) func rewrittenNamesAreAnsweredByTheirOwn(_ rule: String, _ name: String) throws
  {
    let reply = try #require(try responder(". {\n kubernetes cluster.local\n rewrite \(rule)\n}").reply(name))
    #expect(reply.code == 0 && reply.question == name)
    #expect(reply.answers == ["\(name.lowercased()) A 10.96.0.20"])
  }

  @Test func rulesStopUnlessToldToContinue() throws {
    let text =
      ". {\n kubernetes cluster.local\n rewrite %name a.example b.example\n rewrite name b.example web.default.svc.cluster.local\n}"
    let going = text.components(separatedBy: "%").joined(separator: "continue ")
    #expect(try responder(going).reply("a.example")?.answers.count == 1)
    let stopping = text.components(separatedBy: "%").joined()
    #expect(try responder(stopping).reply("a.example")?.code == 5)
  }

  static let templates = """
    . {
      template IN A ip.example {
        match ^ip-(?P<a>[0-9]+)-(?P<b>[0-9]+)\\.ip\\.example\\.$
        answer "{{ .Name }} 60 IN A 10.0.{{ .Group.a }}.{{ .Group.b }}"
        additional "info.{{ .Zone }} 60 IN TXT \\"a b\\" {{ index .Match 1 }}"
        fallthrough
      }
      template IN AAAA . {
        rcode NOERROR
        authority "{{ .Zone }} 60 IN SOA ns.example. x.example. 1 2 3 4 5"
      }
      template IN MX mail.example {
        match ^a\\.
        answer "{{ .Name }} MX 10 mx.mail.example."
      }
    }
    """

  @Test func templatesAnswer() throws {
    let responder = try responder(Self.templates)
    let reply = try #require(responder.reply("ip-3-4.ip.example"))
    #expect(reply.answers == ["ip-3-4.ip.example A 10.0.3.4"] && reply.ttls == [60, 60])
    #expect(reply.additionals == ["info.ip.example TXT a b\u{1}3"])
    // Nothing matches: with fallthrough on, without it NXDOMAIN.
    #expect(responder.reply("x.ip.example")?.code == 5)
    #expect(responder.reply("b.mail.example", .mx)?.code == 3)
    #expect(responder.reply("a.mail.example", .mx)?.code == 0)
    let nodata = try #require(responder.reply("any.name", .aaaa))
    #expect(nodata.code == 0 && nodata.answers.isEmpty && nodata.authorities.count == 1)
    // What a template makes may be no record: that is an error, not a crash.
    #expect(responder.reply("ip-3-400.ip.example")?.code == 2)
  }

  @Test func hostsOfTheFileAndOfTheBlock() throws {
    let responder = try responder(
      ". {\n hosts /etc/hosts {\n 192.0.2.1 one.example two.example\n 2001:db8::1 one.example\n ttl 77\n fallthrough\n }\n}"
    )
    #expect(responder.reply("one.example")?.ttls == [77])
    #expect(responder.reply("one.example", .aaaa)?.answers == ["one.example AAAA 2001:db8::1"])
    #expect(responder.reply("h.example")?.answers == ["h.example A 192.0.2.9"])
    #expect(responder.reply("1.2.0.192.in-addr.arpa", .ptr)?.answers == ["1.2.0.192.in-addr.arpa PTR one.example"])
    #expect(responder.reply("three.example")?.code == 5)
  }

  @Test func theLongestZoneWins() throws {
    let blocks = try CorefileTests.read(
      "example.org {\n}\n. {\n}\na.example.org:54 {\n}\nb.a.example.org a.example.org {\n}"
    ).blocks
    let configuration = DNSServer.Configuration(listen: [loopback])
    let plan = ServerPlan(try blocks.map { try ServerBlock($0, configuration, zone: nil, cache: nil) })
    for (name, port, zone) in [
      ("x.a.example.org", 53, "a.example.org"), ("example.org", 53, "example.org"), ("xexample.org", 53, "."),
      ("a.example.org", 54, "a.example.org"), ("b.a.example.org", 53, "a.example.org"),
    ] as [(String, UInt16, String)] {
      let block = try DomainName(parsing: name).withView { plan.block(for: $0, port: port) }
      #expect(block?.rules.zones.last?.description == zone, "\(name)")
    }
    #expect(try DomainName(parsing: "other").withView { plan.block(for: $0, port: 54) } == nil)
  }

  // MARK: search lists

  static let podAddress = IPAddress("10.244.4.4")!

  func completing(upstreams: Bool = true, domains: [String] = []) throws -> Responder {
    let completion = SearchCompletion(domains: try domains.map { try DomainName(parsing: $0) }) {
      $0 == Self.podAddress ? "work" : nil
    }
    return Samples.responder(Samples.zone(), upstreams: upstreams, completion: completion)
  }

  func outcome(_ responder: Responder, _ name: String, _ type: RecordType = .a, from: IPAddress = podAddress) -> (
    Reply?, Forwarding?
  ) {
    let query = Query()
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1232)
    defer { buffer.deallocate() }
    return Question(name, type).bytes.withUnsafeBufferPointer { message in
      let verdict = query.parse(message)
      var writer = ResponseWriter(buffer)
      switch responder.respond(
        to: query, verdict, into: &writer, limit: 1232, isTCP: false, turn: 0, client: { from })
      {
      case .answered: return (Reply(Array(writer.message)), nil)
      case .forward(let forwarding): return (nil, forwarding)
      }
    }
  }

  @Test func theFirstQuestionOfASearchListGetsTheLastAnswer() throws {
    let responder = try completing(domains: ["corp.example"])
    // A Service of another namespace, by its short and by its whole name.
    for meant in ["web.default", "web.default.svc", "web.default.svc.cluster.local"] {
      let name = "\(meant).work.svc.cluster.local"
      #expect(
        outcome(responder, name).0?.answers == [
          "\(name) CNAME web.default.svc.cluster.local", "web.default.svc.cluster.local A 10.96.0.20",
        ])
      #expect(outcome(responder, name, .aaaa).0?.answers.count == 2)
    }
    // The family that the target lacks is NODATA, with the alias, as resolvers expect.
    let nodata = outcome(responder, "single.default.work.svc.cluster.local", .aaaa).0
    #expect(nodata?.code == 0 && nodata?.answers.count == 1 && nodata?.authorities.count == 1)
    // An outside name: the node's domains first, then itself.
    let outside = try #require(outcome(responder, "www.example.com.work.svc.cluster.local").1)
    #expect(outside.aliases.map(\.description) == ["www.example.com.corp.example"])
    #expect(outside.further.map(\.description) == ["www.example.com"] && outside.isCompletion)
  }

  @Test func otherQuestionsArePlain() throws {
    let responder = try completing()
    // Another namespace than the pod's, somebody who is no pod, another type, a single label, a name that exists.
    #expect(outcome(responder, "www.example.com.default.svc.cluster.local").0?.code == 3)
    #expect(outcome(responder, "www.example.com.work.svc.cluster.local", from: IPAddress("10.0.0.1")!).0?.code == 3)
    #expect(outcome(responder, "www.example.com.work.svc.cluster.local", .mx).0?.code == 3)
    #expect(outcome(responder, "www.work.svc.cluster.local").0?.code == 3)
    #expect(
      outcome(Samples.responder(Samples.zone(), upstreams: true), "www.example.com.work.svc.cluster.local").0?.code == 3
    )
    #expect(outcome(responder, "web.default.svc.cluster.local").0?.answers.count == 1)
  }
}
