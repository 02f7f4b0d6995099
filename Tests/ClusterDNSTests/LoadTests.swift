import Addressing
import Glibc
import Linux
import Synchronization
import Testing

@testable import ClusterDNS

/// Clients that ask too much, upstreams that are slow or dead, rules that change and servers that stop under load.
@Suite(.serialized) struct LoadTests {
  final class Flag: Sendable { let isSet = Atomic(false) }
  static let inside = "web.default.svc.cluster.local"

  func server(_ upstreams: [ScriptedUpstream], _ change: (inout DNSServer.Configuration) -> Void = { _ in }) throws
    -> (DNSServer, Client)
  {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.workers = 1
    configuration.upstreams = upstreams.map(\.address)
    configuration.upstreamTimeout = 300
    configuration.drainTime = 200
    change(&configuration)
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services)
    try server.start()
    return (server, try Client(server.addresses[0]))
  }

  /// Asks all of it in batches; every question has its answer.
  func ask(_ client: Client, _ names: [String], _ check: (Reply) -> Bool) throws {
    for first in stride(from: 0, to: names.count, by: 32) {
      let batch = names[first..<min(first + 32, names.count)]
      for (id, name) in batch.enumerated() {
        var question = Question(name)
        question.id = UInt16(id)
        client.send(question.bytes)
      }
      var ids: Set<UInt16> = []
      for _ in batch {
        let reply = try #require(client.receive().flatMap { Reply($0) })
        #expect(check(reply), "\(reply)")
        ids.insert(reply.id)
      }
      #expect(ids.count == batch.count)
    }
  }

  /// Rules change thousands of times while questions come in batches, over UDP and TCP: each has its answer, by the old
  /// rules or the new.
  @Test func reloadLosesNoQuestion() throws {
    let upstream = try UpstreamTests.good("203.0.113.1")
    let (server, client) = try server([upstream]) { $0.workers = 2 }
    defer {
      server.stop()
      upstream.stop()
    }
    let isDone = Flag()
    let reloads = Atomic(0)
    let reloading = Linux.Thread("reload") { [configuration = server.configuration] in
      while !isDone.isSet.load(ordering: .relaxed) {
        var blocks = configuration.rules
        let number = reloads.load(ordering: .relaxed)
        blocks[0].hosts = [try! DomainName(parsing: "host.example"): [IPAddress("192.0.2.\(number % 200)")!]]
        try! server.reload(blocks)
        reloads.add(1, ordering: .relaxed)
        usleep(200)
      }
    }
    let names = (0..<6400).map { [Self.inside, "n\($0).example", "host.example", Self.inside][$0 % 4] }
    // The first rules have no such host, so that it comes from the upstream then.
    try ask(client, names) { $0.code == 0 && $0.answers.count == 1 }
    let connection = try Client(server.addresses[0], isTCP: true)
    for number in 0..<300 {
      let question = Question(["t\(number).example", Self.inside][number % 2]).bytes
      connection.send(Question.pair(UInt16(question.count)) + question)
      #expect(connection.receiveMessage().flatMap { Reply($0) }?.answers.count == 1)
    }
    isDone.isSet.store(true, ordering: .relaxed)
    reloading.join()
    #expect(reloads.load(ordering: .relaxed) > 50)
  }

  @Test func clientsHaveTheirShare() throws {
    let (server, client) = try server([]) { $0.answersPerSecond = 50 }
    defer { server.stop() }
    for _ in 0..<2000 { client.send(Question(Self.inside).bytes) }
    for _ in 0..<100 where (server.statistics[0].values["queries_udp"] ?? 0) < 200 { usleep(10_000) }
    #expect((server.statistics[0].values["refused_for_rate"] ?? 0) > 0)
    // Another client has a share of its own.
    let other = try Client(server.addresses[0], from: "127.0.0.2")
    #expect(other.ask(Question(Self.inside).bytes)?.answers.count == 1)
    // The next second there is more.
    usleep(1_100_000)
    let late = try Client(server.addresses[0])
    #expect(late.ask(Question(Self.inside).bytes)?.answers.count == 1)
  }

  /// A dead upstream: names of the cluster are answered all the same, at once.
  @Test func aDeadUpstreamDelaysNobodyElse() throws {
    let silent = try ScriptedUpstream { _, _ in [] }
    let (server, client) = try server([silent]) { $0.upstreamTimeout = 60_000 }
    defer {
      server.stop()
      silent.stop()
    }
    for number in 0..<500 { client.send(Question("n\(number).example").bytes) }
    let other = try Client(server.addresses[0])
    // Not a question more than these are sent upstream, and none of these waits for one that is.
    try ask(other, [String](repeating: Self.inside, count: 3200)) { $0.answers.count == 1 }
    #expect(server.statistics[0].values["forwarded"] == 250)
  }

  /// One client can have a part of the places alone: the others' questions are still sent upstream.
  @Test func aClientHasItsPartOfTheQueue() throws {
    let silent = try ScriptedUpstream { _, _ in [] }
    let (server, client) = try server([silent]) {
      $0.longestQueue = 20
      $0.mostWaitingOfClient = 5
      $0.upstreamAttempts = 1
    }
    defer {
      server.stop()
      silent.stop()
    }
    for number in 0..<12 { client.send(Question("n\(number).example").bytes) }
    let other = try Client(server.addresses[0], from: "127.0.0.2")
    for number in 0..<4 { other.send(Question("o\(number).example").bytes) }
    func codes(_ client: Client, _ count: Int) throws -> [UInt16: Int] {
      var codes: [UInt16: Int] = [:]
      for _ in 0..<count { codes[try #require(client.receive().flatMap { Reply($0) }).code, default: 0] += 1 }
      return codes
    }
    #expect(try codes(client, 12) == [5: 7, 2: 5])
    #expect(try codes(other, 4) == [2: 4])
    // Places are given back.
    for number in 0..<5 { client.send(Question("m\(number).example").bytes) }
    #expect(try codes(client, 5) == [2: 5])
  }

  /// Names without end, from upstreams whose answers are large: what is kept stays within its bounds.
  @Test func memoryStaysWithinBounds() throws {
    let addresses = (0..<28).map { "203.0.113.\($0)" }
    let upstream = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, addresses)] }
    let (server, client) = try server([upstream]) {
      $0.cache.entries = 1000
      $0.cache.bytes = 200_000
    }
    defer {
      server.stop()
      upstream.stop()
    }
    let label = String(repeating: "x", count: 60)
    try ask(client, (0..<6400).map { "n\($0).\(label).example" }) { $0.code == 0 }
    let size = try #require(server.caches.first).size
    #expect(size.count > 100 && size.count <= 1000 && size.bytes <= 200_000, "\(size)")
    // Messages that go round in the parser, that say they are longer, that are none: nothing of them stays.
    var random = Xorshift(state: 0xB0B)
    let before = server.caches[0].size.count
    for _ in 0..<20_000 {
      var bytes = Question("n.\(label).example").bytes
      for _ in 0..<3 { random.mutate(&bytes) }
      if bytes.count > 2 { bytes[2] |= 0x80 }
      client.send(bytes)
    }
    #expect(try Client(server.addresses[0]).ask(Question(Self.inside).bytes)?.answers.count == 1)
    #expect(server.caches[0].size.count == before)
  }

  /// What has been asked is answered before a server ends, over UDP and TCP; whoever comes later gets nothing.
  @Test func whatWaitsIsAnsweredBeforeTheEnd() throws {
    let upstream = try ScriptedUpstream { question, _ in
      usleep(300_000)
      return [ScriptedUpstream.answer(question, ["203.0.113.7"])]
    }
    let (server, client) = try server([upstream]) {
      $0.drainTime = 5000
      $0.upstreamTimeout = 4000
    }
    defer { upstream.stop() }
    let connection = try Client(server.addresses[0], isTCP: true)
    client.send(Question("slow.example").bytes)
    let question = Question("slow.example").bytes
    connection.send(Question.pair(UInt16(question.count)) + question)
    for _ in 0..<500 where server.statistics[0].values["queries_tcp"] == 0 { usleep(10_000) }
    #expect(server.statistics[0].values["queries_udp"] == 1)
    server.stop()
    #expect(client.receive().flatMap { Reply($0) }?.answers == ["slow.example A 203.0.113.7"])
    #expect(connection.receiveMessage().flatMap { Reply($0) }?.answers == ["slow.example A 203.0.113.7"])
    #expect(connection.isClosedByServer)
  }
}
