import Addressing
import Glibc
import Synchronization
import Testing

@testable import ClusterDNS

/// Connections of clients: the order of answers, how long they stay, and how many of them.
@Suite struct ConnectionTests {
  static let inside = "web.default.svc.cluster.local"

  func server(_ upstreams: [ScriptedUpstream] = [], _ change: (inout DNSServer.Configuration) -> Void = { _ in }) throws
    -> DNSServer
  {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.workers = 1
    configuration.upstreams = upstreams.map(\.address)
    configuration.upstreamTimeout = 300
    configuration.drainTime = 200
    change(&configuration)
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services, namespaces: ["work"])
    try server.start()
    return server
  }

  func send(_ client: Client, _ name: String, id: UInt16) {
    var question = Question(name)
    question.id = id
    client.send(Question.pair(UInt16(question.bytes.count)) + question.bytes)
  }

  /// Answers leave as they are ready (RFC 7766 section 7): one that waits for an upstream holds up none.
  @Test func answersComeOutOfOrder() throws {
    let upstream = try ScriptedUpstream { question, number in
      number == 0 ? [] : [ScriptedUpstream.answer(question, ["203.0.113.8"])]
    }
    let server = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    let client = try Client(server.addresses[0], isTCP: true)
    send(client, "slow.example", id: 1)
    for id in 2..<7 as Range<UInt16> { send(client, Self.inside, id: id) }
    let ids = try (0..<6).map { _ in try #require(client.receiveMessage().flatMap { Reply($0) }).id }
    #expect(ids == [2, 3, 4, 5, 6, 1])
  }

  /// A connection with nothing on it, and one with half a question, are closed after the time that keepalive tells.
  @Test func idleConnectionsAreClosed() throws {
    let server = try server { $0.idleTimeout = 1 }
    defer { server.stop() }
    let silent = try Client(server.addresses[0], isTCP: true)
    let halfway = try Client(server.addresses[0], isTCP: true)
    halfway.send([0, 40, 1, 2, 3])
    let used = try Client(server.addresses[0], isTCP: true)
    var question = Question(Self.inside)
    question.size = 1232
    question.options = [0, 11, 0, 0]
    used.send(Question.pair(UInt16(question.bytes.count)) + question.bytes)
    // Tenths of a second (RFC 7828).
    #expect(used.receiveMessage().flatMap { Reply($0) }?.optData == [0, 11, 0, 2, 0, 10])
    for client in [silent, halfway, used] { #expect(client.isClosedByServer) }
  }

  /// One client's connections take the place of its own, not of others'.
  @Test func aClientHasItsPartOfTheConnections() throws {
    let server = try server {
      $0.mostConnections = 6
      $0.mostConnectionsOfClient = 4
      $0.idleTimeout = 60
    }
    defer { server.stop() }
    func isAnswered(_ client: Client) -> Bool {
      send(client, Self.inside, id: 9)
      return client.receiveMessage().flatMap { Reply($0) }?.id == 9
    }
    let other = try Client(server.addresses[0], isTCP: true, from: "127.0.0.2")
    #expect(isAnswered(other))
    var own: [Client] = []
    for _ in 0..<8 {
      own.append(try Client(server.addresses[0], isTCP: true))
      #expect(isAnswered(own.last!))
      // So that one is older than the other to the millisecond.
      usleep(3000)
    }
    for client in own[..<4] { #expect(client.isClosedByServer) }
    for client in own[4...] {
      #expect(isAnswered(client))
      usleep(3000)
    }
    #expect(isAnswered(other))
    // All places are taken: somebody new gets that of the one that was idle longest.
    let third = try Client(server.addresses[0], isTCP: true, from: "127.0.0.3")
    #expect(isAnswered(third))
    usleep(3000)
    let fourth = try Client(server.addresses[0], isTCP: true, from: "127.0.0.4")
    #expect(isAnswered(fourth) && own[4].isClosedByServer)
  }

  /// Search lists completed over one connection again and again: none of them counts as waiting for ever.
  @Test func searchListsOnOneConnection() throws {
    let server = try server { $0.completion = SearchCompletion { _ in "work" } }
    defer { server.stop() }
    let client = try Client(server.addresses[0], isTCP: true)
    for number in 0..<250 as Range<UInt16> {
      send(client, "web.default.work.svc.cluster.local", id: number)
      let reply = try #require(client.receiveMessage().flatMap { Reply($0) })
      #expect(reply.id == number && reply.answers.last == "web.default.svc.cluster.local A 10.96.0.20")
    }
  }

  final class Lines: Sendable { let all = Mutex<[String]>([]) }

  @Test func theLogNamesPods() throws {
    let lines = Lines()
    let server = try server {
      $0.logSampling = 2
      $0.podName = { $0 == IPAddress("127.0.0.1")! ? "shop/web-0" : nil }
      $0.queryLog = { line in lines.all.withLock { $0.append(line) } }
    }
    let client = try Client(server.addresses[0])
    for name in [Self.inside, "None.cluster.LOCAL", Self.inside, "None.cluster.LOCAL"] {
      #expect(client.ask(Question(name).bytes) != nil)
    }
    let stranger = try Client(server.addresses[0], from: "127.0.0.9")
    for _ in 0..<2 { #expect(stranger.ask(Question(Self.inside, .srv).bytes) != nil) }
    server.stop()
    let all = lines.all.withLock { $0 }
    // One of two.
    #expect(all.count == 3, "\(all)")
    #expect(all[..<2].allSatisfy { $0.hasPrefix("127.0.0.1 (shop/web-0) udp A ") }, "\(all)")
    #expect(all[2].hasPrefix("127.0.0.9 udp SRV \(Self.inside). code 0, "), "\(all)")
  }
}
