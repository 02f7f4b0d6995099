import Addressing
import ClusterModel
import Synchronization
import Testing

@testable import ClusterDNS

/// The forwarder against upstreams that misbehave on purpose.
@Suite struct ForwardingTests {
  func server(_ upstreams: [ScriptedUpstream], _ change: (inout DNSServer.Configuration) -> Void = { _ in }) throws
    -> (DNSServer, Client)
  {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.upstreams = upstreams.map(\.address)
    configuration.upstreamTimeout = 300
    change(&configuration)
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services)
    try server.start()
    return (server, try Client(server.addresses[0]))
  }

  @Test func outsideNamesComeFromUpstreamAndStay() throws {
    let upstream = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, ["203.0.113.5"])] }
    let (server, client) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    for (id, name) in [(1, "www.Example.com"), (2, "WWW.example.COM"), (3, "www.example.com")] as [(UInt16, String)] {
      var question = Question(name)
      question.id = id
      let reply = try #require(client.ask(question.bytes))
      #expect(reply.id == id && reply.question == name)
      #expect(reply.answers == ["www.example.com A 203.0.113.5"])
      #expect(reply.flags & Wire.recursionAvailable != 0 && !reply.isAuthoritative)
    }
    #expect(upstream.questions.withLock { $0.count } == 1)
    // With EDNS the form of the answer differs, so it is another question.
    var question = Question("www.example.com")
    question.size = 4096
    let reply = try #require(client.ask(question.bytes))
    #expect(reply.opt?.recordClass == 1232 && reply.answers.count == 1)
    #expect(upstream.questions.withLock { $0.count } == 2)
    // The cluster's names never leave.
    #expect(client.ask(Question("nothing.default.svc.cluster.local").bytes)?.code == 3)
    #expect(upstream.questions.withLock { $0.count } == 2)
  }

  @Test func answersToOtherQuestionsAreIgnored() throws {
    let upstream = try ScriptedUpstream { question, _ in
      var wrongID = ScriptedUpstream.answer(question, ["192.0.2.1"])
      wrongID[0] ^= 0x55
      var wrongName = ScriptedUpstream.answer(question, ["192.0.2.2"])
      wrongName[13] = UInt8(ascii: "x")
      var wrongType = ScriptedUpstream.answer(question, ["192.0.2.3"])
      wrongType[12 + Question.wire("www.example.com").count + 1] = 28
      var notAnAnswer = ScriptedUpstream.answer(question, ["192.0.2.4"])
      notAnAnswer[2] &= 0x7F
      let short = Array(question.prefix(7))
      return [wrongID, wrongName, wrongType, notAnAnswer, short, ScriptedUpstream.answer(question, ["203.0.113.5"])]
    }
    let (server, client) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    #expect(client.ask(Question("www.example.com").bytes)?.answers == ["www.example.com A 203.0.113.5"])
  }

  @Test func aSilentUpstreamIsFollowedByTheNext() throws {
    let silent = try ScriptedUpstream { _, _ in [] }
    let good = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, ["203.0.113.6"])] }
    let (server, client) = try server([silent, good])
    defer {
      server.stop()
      silent.stop()
      good.stop()
    }
    #expect(client.ask(Question("one.example.com").bytes)?.answers.count == 1)
    // Now the silent one is asked last.
    #expect(client.ask(Question("two.example.com").bytes)?.answers.count == 1)
    #expect(silent.names.count <= 2)
    #expect(good.questions.withLock { $0.count } == 2)
  }

  @Test func silenceOfAllIsAServerFailure() throws {
    let silent = try ScriptedUpstream { _, _ in [] }
    let (server, client) = try server([silent]) { $0.upstreamAttempts = 2 }
    defer {
      server.stop()
      silent.stop()
    }
    #expect(client.ask(Question("www.example.com").bytes)?.code == 2)
    #expect(silent.names == ["www.example.com", "www.example.com"])
    // Ids and source ports are new for each try. A health check may come meanwhile.
    let questions = silent.questions.withLock { $0 }
    #expect(Set(questions.map { UInt16($0[0]) << 8 | UInt16($0[1]) }).count == questions.count)
    #expect(silent.ports.withLock { $0.count } >= questions.count)
  }

  @Test func aFailureOfOneIsNotTheAnswerOfAll() throws {
    let failing = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, [], code: 2)] }
    let good = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, ["203.0.113.6"])] }
    let (server, client) = try server([failing, good])
    defer {
      server.stop()
      failing.stop()
      good.stop()
    }
    #expect(client.ask(Question("www.example.com").bytes)?.answers.count == 1)
  }

  @Test func truncatedAnswersAreFetchedOverTCP() throws {
    let many = (0..<60).map { "203.0.113.\($0)" }
    let upstream = try ScriptedUpstream(tcp: { question, _ in [ScriptedUpstream.answer(question, many)] }) {
      question, _ in
      var answer = ScriptedUpstream.answer(question, [])
      answer[2] |= 0x02
      return [answer]
    }
    let (server, client) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    let reply = try #require(client.ask(Question("www.example.com").bytes))
    #expect(reply.isTruncated && reply.length <= 512 && reply.answers.count > 20)
    let connection = try Client(server.addresses[0], isTCP: true)
    let question = Question("www.example.com").bytes
    connection.send(Question.pair(UInt16(question.count)) + question)
    let whole = try #require(connection.receiveMessage().flatMap { Reply($0) })
    #expect(whole.answers.count == 60)
    #expect(upstream.connections.load(ordering: .relaxed) == 1)
  }

  @Test func negativeAnswersAreKept() throws {
    let upstream = try ScriptedUpstream { question, _ in [ScriptedUpstream.nameError(question, ttl: 30)] }
    let (server, client) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    for _ in 0..<3 { #expect(client.ask(Question("no.example.com").bytes)?.code == 3) }
    #expect(upstream.questions.withLock { $0.count } == 1)
  }

  /// Answers are kept within the limits of their kind, whatever lifetime they have of their own.
  @Test(
    arguments: [
      (false, 1, 10...100, 10), (false, 50, 10...100, 50), (false, 200, 10...100, 100), (true, 200, 5...30, 30),
      (true, 1, 5...30, 5), (true, 20, 5...30, 20),
    ] as [(Bool, UInt32, ClosedRange<UInt32>, Int)])
  func lifetimesHaveLimits(_ isNegative: Bool, _ ttl: UInt32, _ range: ClosedRange<UInt32>, _ kept: Int) throws {
    var limits = AnswerCache.Limits()
    if isNegative { limits.negative = range } else { limits.positive = range }
    let cache = AnswerCache(limits)
    let question = Question("a.example").bytes
    let query = Query()
    question.withUnsafeBufferPointer { #expect(query.parse($0) == .question) }
    let bytes =
      isNegative
      ? ScriptedUpstream.nameError(question, ttl: UInt8(ttl))
      : ScriptedUpstream.answer(question, ["192.0.2.1"], ttl: ttl)
    let answer = try #require(UpstreamAnswer(bytes, questionEnd: question.count, now: 1000))
    let key = AnswerCache.Key(
      name: query.name.name, type: .a, hasEDNS: false, isDNSSECOK: false, flags: Wire.recursionDesired)
    cache.insert(answer, for: key, now: 1000)
    func isFresh(_ now: Int) -> Bool {
      question.withUnsafeBufferPointer { bytes in
        guard query.parse(bytes) == .question else { return false }
        if case .fresh = cache.find(query.name, query, now: now) { return true }
        return false
      }
    }
    #expect(isFresh(1000 + kept - 1) && !isFresh(1000 + kept))
  }

  @Test func answersWithoutLifetimeAreNotKept() throws {
    let upstream = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, ["203.0.113.6"], ttl: 0)] }
    let (server, client) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    for _ in 0..<2 { #expect(client.ask(Question("zero.example.com").bytes)?.code == 0) }
    #expect(upstream.questions.withLock { $0.count } == 2)
  }

  @Test func aliasesAreFollowedUpstream() throws {
    let upstream = try ScriptedUpstream { question, _ in
      // An alias of the upstream's own, compressed: www.example.com after example.com.
      var answer = ScriptedUpstream.answer(question, [])
      answer[7] = 2
      answer += [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6, 3] + "www".utf8 + [0xC0, 12]
      let target = UInt8(answer.count - 6)
      return [answer + [0xC0, target, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 7]]
    }
    let (server, client) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    for _ in 0..<2 {
      let reply = try #require(client.ask(Question("out.shop.svc.cluster.local").bytes))
      #expect(
        reply.answers == [
          "out.shop.svc.cluster.local CNAME example.com", "example.com CNAME www.example.com",
          "www.example.com A 203.0.113.7",
        ])
    }
    #expect(upstream.questions.withLock { $0.count } == 1)
  }

  @Test func theQueueIsBounded() throws {
    let silent = try ScriptedUpstream { _, _ in [] }
    let (server, client) = try server([silent]) {
      $0.workers = 1
      $0.longestQueue = 8
      $0.upstreamAttempts = 1
    }
    defer {
      server.stop()
      silent.stop()
    }
    for number in 0..<20 { client.send(Question("name\(number).example.com").bytes) }
    var codes: [UInt16: Int] = [:]
    for _ in 0..<20 { codes[try #require(client.receive().flatMap { Reply($0) }).code, default: 0] += 1 }
    #expect(codes == [5: 12, 2: 8])
  }

  @Test func sameQuestionsAreAskedOnce() throws {
    let upstream = try ScriptedUpstream { question, number in
      number == 0 ? [] : [ScriptedUpstream.answer(question, ["203.0.113.8"])]
    }
    let (server, client) = try server([upstream]) { $0.workers = 1 }
    defer {
      server.stop()
      upstream.stop()
    }
    for id in 0..<10 as Range<UInt16> {
      var question = Question("same.example.com")
      question.id = id
      client.send(question.bytes)
    }
    var ids: Set<UInt16> = []
    for _ in 0..<10 { ids.insert(try #require(client.receive().flatMap { Reply($0) }).id) }
    #expect(ids == Set(0..<10))
    #expect(upstream.questions.withLock { $0.count } == 2)
  }

  @Test func manyWaitingQuestionsOfOneConnection() throws {
    let upstream = try ScriptedUpstream { question, _ in [ScriptedUpstream.answer(question, ["203.0.113.9"])] }
    let (server, _) = try server([upstream])
    defer {
      server.stop()
      upstream.stop()
    }
    let client = try Client(server.addresses[0], isTCP: true)
    var stream: [UInt8] = []
    for id in 0..<300 as Range<UInt16> {
      var question = Question("name\(id).example.com")
      question.id = id
      stream += Question.pair(UInt16(question.bytes.count)) + question.bytes
    }
    client.send(stream)
    var ids: Set<UInt16> = []
    for _ in 0..<300 { ids.insert(try #require(client.receiveMessage().flatMap { Reply($0) }).id) }
    #expect(ids.count == 300)
  }

  @Test func theCacheForgetsTheOldestFirst() throws {
    var limits = AnswerCache.Limits()
    limits.entries = 3
    let cache = AnswerCache(limits)
    func key(_ name: String) throws -> AnswerCache.Key {
      AnswerCache.Key(name: try DomainName(parsing: name), type: .a, hasEDNS: false, isDNSSECOK: false, flags: 0)
    }
    for (number, name) in ["a", "b", "c", "a", "d"].enumerated() {
      let bytes = ScriptedUpstream.answer(Question(name).bytes, ["192.0.2.\(number)"], ttl: 10)
      cache.insert(try #require(UpstreamAnswer(bytes, questionEnd: 19, now: 100)), for: try key(name), now: 100)
    }
    #expect(cache.count == 3)
    #expect(try cache.answer(key("b"), now: 105) == nil)
    #expect(try cache.answer(key("a"), now: 105)?.bytes.last == 3)
    #expect(try cache.answer(key("d"), now: 109) != nil)
    #expect(try cache.answer(key("d"), now: 110) == nil)
  }
}
