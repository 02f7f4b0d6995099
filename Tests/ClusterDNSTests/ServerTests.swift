import Addressing
import ClusterModel
import Linux
import Testing

@testable import ClusterDNS

/// A live server on the loopback, asked by dig and kdig.
@Suite struct ServerTests {
  let server: DNSServer
  var port: UInt16 { server.addresses[0].port }

  init() throws {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.nameServerAddresses = [IPAddress("10.96.0.10")!, IPAddress("fd00:96::10")!]
    server = try DNSServer(configuration)
    server.replaceAll(Samples.services + [ProtocolTests.large], pods: [Samples.pod], namespaces: ["quiet"])
    try server.start()
  }

  func dig(_ arguments: String) -> String {
    run("dig @127.0.0.1 -p \(port) +tries=1 +timeout=5 \(arguments)")
  }

  /// The same table as for the values, through packets and read by dig.
  @Test(arguments: ["+notcp", "+tcp"]) func digReadsEveryAnswer(_ transport: String) throws {
    defer { server.stop() }
    // One process asks all; each answer begins with its header.
    let cases = ZoneTests.cases.filter { $0.type != .any }
    let questions = cases.map { "\($0.name) TYPE\($0.type.rawValue)" }.joined(separator: " ")
    let output = dig("\(transport) +noall +comments +answer +nottlid \(questions)")
    let replies = output.components(separatedBy: ";; Got answer:").dropFirst()
    #expect(replies.count == cases.count, "\(output)")
    for (test, reply) in zip(cases, replies) {
      let status = [0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN"][test.code.rawValue]!
      #expect(reply.contains("status: \(status)"), "\(test.name)")
      for answer in test.answers where !answer.contains("TXT") {
        #expect(reply.contains(answer.split(separator: " ").last!), "\(test.name): \(reply)")
      }
      #expect(!reply.contains("malformed") && !reply.contains("Warning: Message parser"))
    }
    #expect(!output.lowercased().contains("bad packet"))
  }

  /// The questions of RFC 8906 section 8, as ISC asks them.
  @Test(
    arguments: [
      ("+noedns +noad +norec SOA cluster.local", ["status: NOERROR", "SOA"], ["OPT PSEUDOSECTION"]),
      ("+noedns +noad +norec TYPE1000 cluster.local", ["status: NOERROR", "ANSWER: 0"], []),
      ("+noedns +noad +norec +cd SOA cluster.local", ["status: NOERROR", "SOA"], []),
      ("+noedns +ad +norec SOA cluster.local", ["status: NOERROR"], [" ad;"]),
      ("+noedns +noad +norec +zflag SOA cluster.local", ["status: NOERROR", "SOA"], ["MBZ"]),
      ("+noedns +noad +rec SOA cluster.local", ["status: NOERROR", "rd"], []),
      ("+noedns +noad +norec +opcode=15 +header-only", ["status: NOTIMP", "opcode: RESERVED15"], []),
      ("+noedns +noad +norec +tcp SOA cluster.local", ["status: NOERROR", "SOA"], []),
      ("+nocookie +edns=0 +noad +norec SOA cluster.local", ["status: NOERROR", "version: 0", "SOA"], []),
      (
        "+nocookie +edns=1 +noednsneg +noad +norec SOA cluster.local", ["status: BADVERS", "version: 0"], ["hostmaster"]
      ),
      (
        "+nocookie +edns=100 +noednsneg +noad +norec SOA cluster.local", ["status: BADVERS", "version: 0"],
        ["hostmaster"]
      ),
      ("+nocookie +edns=0 +noad +norec +ednsopt=100 SOA cluster.local", ["status: NOERROR", "SOA"], ["OPT=100"]),
      ("+nocookie +edns=0 +noad +norec +ednsflags=0x40 SOA cluster.local", ["status: NOERROR"], ["MBZ"]),
      (
        "+nocookie +edns=1 +noednsneg +noad +norec +ednsopt=100 SOA cluster.local", ["status: BADVERS"],
        ["OPT=100", "hostmaster"]
      ),
      ("+nocookie +edns=0 +noad +norec +dnssec SOA cluster.local", ["status: NOERROR", "flags: do"], []),
      (
        "+nocookie +dnssec +bufsize=512 +ignore +norec large.shop.svc.cluster.local A",
        ["flags: qr aa tc", "udp: 1232"],
        []
      ),
      ("+cookie +norec SOA cluster.local", ["status: NOERROR", "(good)"], []),
      ("+notcp +nocookie large.shop.svc.cluster.local A", ["Truncated, retrying in TCP mode", "ANSWER: 100"], []),
      ("+nocookie ANY web.default.svc.cluster.local +notcp", ["HINFO", "RFC8482"], []),
      ("+nocookie CH TXT version.bind", ["status: REFUSED"], []),
      ("+nocookie outside.example", ["status: REFUSED"], []),
    ] as [(String, [String], [String])])
  func rfc8906(_ arguments: String, _ present: [String], _ absent: [String]) {
    defer { server.stop() }
    let output = dig(arguments)
    for text in present { #expect(output.contains(text), "\(output)") }
    for text in absent { #expect(!output.contains(text), "\(output)") }
    #expect(!output.contains("timed out") && !output.contains("FORMERR"))
  }

  /// A cookie of the form of RFC 9018, the same client's accepted; one of odd length is malformed.
  @Test func cookies() throws {
    defer { server.stop() }
    let client = try Client(server.addresses[0])
    var question = Question("web.default.svc.cluster.local")
    question.size = 1232
    question.options = [0, 10, 0, 8] + (1...8)
    let first = try #require(client.ask(question.bytes))
    #expect(first.optData.count == 28 && Array(first.optData[..<13]) == [0, 10, 0, 24] + (1...8) + [1])
    question.options = first.optData
    let query = Query()
    question.bytes.withUnsafeBufferPointer { #expect(query.parse($0) == .question && query.edns?.clientCookie != nil) }
    #expect(try #require(client.ask(question.bytes)).answers.count == 1)
    question.options = [0, 10, 0, 9] + (1...9)
    #expect(client.ask(question.bytes)?.code == 1)
  }

  @Test func kdigKeepsItsConnection() {
    defer { server.stop() }
    let questions = String(repeating: "-q web.default.svc.cluster.local ", count: 3)
    let output = run("kdig @127.0.0.1 -p \(port) +tcp +keepopen +edns=0 \(questions)")
    #expect(output.components(separatedBy: "status: NOERROR").count == 4, "\(output)")
  }

  /// Many questions in one write, one of them cut in two, and answers for all (RFC 7766).
  @Test func pipelinedQuestions() throws {
    defer { server.stop() }
    let client = try Client(server.addresses[0], isTCP: true)
    var stream: [UInt8] = []
    for id in 0..<200 as Range<UInt16> {
      var question = Question("web.default.svc.cluster.local")
      question.id = id
      stream += Question.pair(UInt16(question.bytes.count)) + question.bytes
    }
    let cut = stream.count - 17
    client.send(Array(stream[..<cut]))
    var ids: Set<UInt16> = []
    for _ in 0..<199 {
      let reply = try #require(client.receiveMessage().flatMap { Reply($0) })
      #expect(reply.answers.count == 1)
      ids.insert(reply.id)
    }
    for byte in stream[cut...] { client.send([byte]) }
    ids.insert(try #require(client.receiveMessage().flatMap { Reply($0) }).id)
    #expect(ids == Set(0..<200))
  }

  @Test func severalAddressesAndARestart() throws {
    var configuration = DNSServer.Configuration(
      listen: [loopback, AddressAndPort(IPAddress("::1")!, 0), AddressAndPort(IPAddress("0.0.0.0")!, 0)])
    configuration.isFreeBind = true
    configuration.listen.append(AddressAndPort(IPAddress("192.0.2.77")!, 0))
    let second = try DNSServer(configuration)
    second.replaceAll([Samples.web])
    try second.start()
    let name = "web.default.svc.cluster.local"
    #expect(run("dig @::1 -p \(second.addresses[1].port) +short \(name)") == "10.96.0.20\n")
    // On a wildcard address the answer comes from the address asked; dig refuses any other.
    #expect(run("dig @127.0.0.9 -p \(second.addresses[2].port) +short \(name)") == "10.96.0.20\n")
    second.stop()
    server.stop()
    #expect(throws: (any Error).self) {
      _ = try DNSServer(DNSServer.Configuration(listen: server.addresses))
    }
  }

  /// Each thread has a socket of its own, among which the kernel spreads the clients.
  @Test func aSocketAThread() throws {
    server.stop()
    for workers in [1, 3] {
      var configuration = DNSServer.Configuration(listen: [loopback])
      configuration.workers = workers
      let server = try DNSServer(configuration)
      let port = String(server.addresses[0].port, radix: 16, uppercase: true)
      let own = ":" + String(repeating: "0", count: 4 - port.count) + port
      let lines = try Files.readText("/proc/net/udp").split(separator: "\n")
      #expect(lines.count { $0.split(separator: " ")[1].hasSuffix(own) } == workers)
    }
  }

  @Test func configurationErrors() {
    defer { server.stop() }
    var configuration = DNSServer.Configuration(listen: [])
    #expect(throws: DNSServer.ConfigurationError.self) { _ = try DNSServer(configuration) }
    configuration.listen = [AddressAndPort(loopback.address, 5399)]
    configuration.upstreams = configuration.listen
    #expect(throws: DNSServer.ConfigurationError.self) { _ = try DNSServer(configuration) }
    configuration.upstreams = []
    configuration.clusterDomain = "cluster..local"
    #expect(throws: DNSServer.ConfigurationError.self) { _ = try DNSServer(configuration) }
  }
}

extension String {
  /// The parts between a separator, as Foundation has it.
  func components(separatedBy separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
