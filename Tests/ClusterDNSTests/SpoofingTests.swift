import Addressing
import Glibc
import Linux
import Testing

@testable import ClusterDNS

/// Answers that are not the upstream's, or not to what was asked, or no answers at all: none is given to a client, none
/// stays in the cache (RFC 5452).
@Suite struct SpoofingTests {
  func server(_ upstream: ScriptedUpstream) throws -> (DNSServer, Client) {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.workers = 1
    configuration.upstreams = [upstream.address]
    configuration.upstreamTimeout = 300
    configuration.upstreamAttempts = 1
    configuration.drainTime = 200
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services)
    try server.start()
    return (server, try Client(server.addresses[0]))
  }

  /// Perfect answers from another address and from another port: the kernel hands them to nobody.
  @Test func othersAreNotHeard() throws {
    let port = ScriptedUpstream.LastPort()
    let forgers = try ["127.0.0.1", "127.0.0.66"].map { source in
      let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_DGRAM.rawValue))
      let own = SocketAddress(AddressAndPort(IPAddress(source)!, 0))
      try check("bind") { own.bind(socket.raw) }
      return socket.release()
    }
    defer { for forger in forgers { close(forger) } }
    let upstream = try ScriptedUpstream(lastPort: port) { question, _ in
      let target = AddressAndPort(loopback.address, UInt16(bigEndian: port.number.load(ordering: .relaxed)))
      let forged = ScriptedUpstream.answer(question, ["192.0.2.66"])
      for forger in forgers {
        _ = SocketAddress(target).withPointer { sendto(forger, forged, forged.count, 0, $0, $1) }
      }
      usleep(20_000)
      return [ScriptedUpstream.answer(question, ["203.0.113.5"])]
    }
    let (server, client) = try server(upstream)
    defer {
      server.stop()
      upstream.stop()
    }
    for _ in 0..<2 {
      #expect(client.ask(Question("www.example.com").bytes)?.answers == ["www.example.com A 203.0.113.5"])
    }
  }

  /// All ids but the right one, before the right answer.
  @Test func idsAreNotGuessed() throws {
    let upstream = try ScriptedUpstream { question, _ in
      var answers = (0..<200 as Range<UInt16>).map { number in
        var forged = ScriptedUpstream.answer(question, ["192.0.2.66"])
        let id = (UInt16(forged[0]) << 8 | UInt16(forged[1])) &+ 1 &+ number
        forged[0] = UInt8(id >> 8)
        forged[1] = UInt8(truncatingIfNeeded: id)
        return forged
      }
      answers.append(ScriptedUpstream.answer(question, ["203.0.113.5"]))
      return answers
    }
    let (server, client) = try server(upstream)
    defer {
      server.stop()
      upstream.stop()
    }
    for number in 0..<20 {
      let name = "n\(number).example"
      #expect(client.ask(Question(name).bytes)?.answers == ["\(name) A 203.0.113.5"])
    }
  }

  /// What an answer says of other names is believed for none of them, least of all for the cluster's.
  @Test func answersSpeakOfTheirOwnNameAlone() throws {
    let inside = "web.default.svc.cluster.local"
    let upstream = try ScriptedUpstream { question, _ in
      var answer = ScriptedUpstream.answer(
        question, [nameAsked(question) == "first.example" ? "203.0.113.1" : "203.0.113.2"])
      // Additional records for names that others will ask for.
      for name in ["victim.example", inside, "example"] {
        answer += Question.wire(name) + [0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 6, 6, 6, 6]
        answer[11] += 1
      }
      return [answer]
    }
    let (server, client) = try server(upstream)
    defer {
      server.stop()
      upstream.stop()
    }
    #expect(client.ask(Question("first.example").bytes)?.answers == ["first.example A 203.0.113.1"])
    #expect(client.ask(Question("victim.example").bytes)?.answers == ["victim.example A 203.0.113.2"])
    #expect(client.ask(Question(inside).bytes)?.answers == ["\(inside) A 10.96.0.20"])
    #expect(client.ask(Question("nothing.default.svc.cluster.local").bytes)?.code == 3)
    #expect(upstream.names == ["first.example", "victim.example"])
  }

  struct Broken: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// What follows the question, with how many answers the header promises.
    var records: [UInt8]
    var count: UInt8 = 1
  }

  static let broken: [Broken] = [
    Broken(
      testDescription: "an owner that points to itself", records: [0xC0, 33, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]),
    Broken(
      testDescription: "an owner that points ahead", records: [0xC0, 43, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]),
    Broken(
      testDescription: "two owners that point at each other",
      records: [1, 97, 0xC0, 37, 0xC0, 33, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]),
    Broken(testDescription: "an owner that points into the header", records: [0xC0, 2, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0]),
    Broken(testDescription: "a label of an unknown kind", records: [0x80, 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0]),
    Broken(testDescription: "data beyond the end", records: [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 200, 1, 2]),
    Broken(
      testDescription: "fewer records than promised", records: [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4],
      count: 2),
    Broken(testDescription: "nothing where a record is promised", records: []),
  ]

  /// The client gets SERVFAIL, and the next one what the upstream says then.
  @Test(arguments: broken) func brokenAnswersAreNone(_ broken: Broken) throws {
    let upstream = try ScriptedUpstream { question, number in
      if nameAsked(question) == "well.example" { return [ScriptedUpstream.answer(question, ["203.0.113.9"])] }
      var answer = ScriptedUpstream.answer(question, [])
      answer[7] = broken.count
      return [answer + broken.records]
    }
    let (server, client) = try server(upstream)
    defer {
      server.stop()
      upstream.stop()
    }
    // 12 bytes of header and 21 of the question, so that the records begin at 33.
    let question = Question("broke.example.x")
    #expect(question.bytes.count == 33)
    #expect(client.ask(question.bytes)?.code == 2)
    #expect(server.caches[0].size.count == 0)
    #expect(client.ask(Question("well.example").bytes)?.answers == ["well.example A 203.0.113.9"])
  }
}
