import Addressing
import ClusterModel
import Testing

@testable import ClusterDNS

@Suite struct ProtocolTests {
  let responder = Samples.responder(Samples.zone())

  static let name = "web.default.svc.cluster.local"

  /// Messages that get no answer.
  @Test(
    arguments: [
      [], [0x12, 0x34], Array(Question(name).bytes.prefix(11)),
      { () -> [UInt8] in
        var question = Question(name)
        question.flags = 0x8100
        return question.bytes
      }(),
    ] as [[UInt8]]) func dropped(_ bytes: [UInt8])
  {
    #expect(responder.raw(bytes) == nil)
  }

  struct Broken: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var bytes: [UInt8]
    var code: ResponseCode = .formatError

    init(_ what: String, _ code: ResponseCode = .formatError, _ change: (inout [UInt8]) -> Void) {
      testDescription = what
      self.code = code
      var question = Question(ProtocolTests.name)
      question.size = 1232
      bytes = question.bytes
      change(&bytes)
    }
  }

  static let broken = [
    Broken("no question") { $0 = Array($0.prefix(5)) + [0] + $0[6..<10] + [0, 0] },
    Broken("two questions") { $0[5] = 2 },
    Broken("the name runs out") { $0 = Array($0.prefix(20)) },
    Broken("no type") { $0 = Array($0.prefix(12 + 31)) },
    Broken("a pointer in the question") { $0.replaceSubrange(12..<16, with: [0xC0, 12, 0, 0]) },
    Broken("a label of 64 bytes") { $0[12] = 64 },
    Broken("a reserved label type") { $0[12] = 0x80 },
    Broken("a missing OPT") { $0.removeLast(11) },
    Broken("a byte too many") { $0.append(0) },
    Broken("an answer that is not there") { $0[7] = 1 },
    Broken("two OPT records") {
      $0 += $0.suffix(11)
      $0[11] = 2
    },
    Broken("OPT with a name") { $0[$0.count - 11] = 1 },
    Broken("an option longer than OPT") {
      $0[$0.count - 1] = 4
      $0 += [0, 10, 0, 9]
    },
    Broken("OPT in the answer section") {
      $0[7] = 1
      $0[11] = 0
    },
    Broken("a status question", .notImplemented) { $0[2] = 0x10 },
    Broken("an update", .notImplemented) { $0[2] = 0x28 },
    Broken("opcode 15", .notImplemented) { $0[2] = 0x78 },
  ]

  @Test(arguments: broken) func rejected(_ test: Broken) throws {
    let reply = try #require(responder.reply(test.bytes))
    #expect(reply.code == test.code.rawValue)
    #expect(reply.id == 0x1234 && reply.length == 12)
  }

  @Test func namesAtTheirLimits() throws {
    // Labels of 63 bytes, 255 bytes in all.
    let long = String(repeating: "a", count: 63)
    let longest = "\(long).\(long).\(long).\(String(repeating: "b", count: 61))"
    #expect(Question.wire(longest).count == 255)
    #expect(responder.reply(longest)?.code == 5)
    #expect(responder.reply(longest + "b")?.code == 1)
    #expect(responder.reply(String(repeating: "a.", count: 127))?.code == 5)
    #expect(responder.reply(String(repeating: "a.", count: 128))?.code == 1)
    #expect(responder.reply("")?.code == 5)
  }

  @Test func otherClassesAndTransfersAreRefused() {
    for recordClass in [3, 255, 7] as [UInt16] {
      var question = Question("version.bind", .txt)
      question.recordClass = recordClass
      #expect(responder.reply(question.bytes)?.code == 5)
    }
    #expect(responder.reply("cluster.local", .axfr)?.code == 5)
  }

  @Test func caseIsEchoed() throws {
    let reply = try #require(responder.raw(Question("wEb.DeFault.SVC.cluster.LOCAL").bytes))
    #expect(Reply(reply)?.question == "wEb.DeFault.SVC.cluster.LOCAL")
  }

  @Test func flags() throws {
    var question = Question(Self.name)
    question.flags = 0x01F0  // RD, Z, AD, CD; RA means nothing in a question
    let reply = try #require(responder.reply(question.bytes))
    #expect(reply.flags == 0x8510)  // QR, AA, RD, CD
    question.flags = 0
    #expect(responder.reply(question.bytes)?.flags == 0x8400)
    #expect(Samples.responder(Samples.zone(), upstreams: true).reply(question.bytes)?.flags == 0x8480)
  }

  @Test func ednsIsAnsweredWithEDNS() throws {
    var question = Question(Self.name)
    #expect(try #require(responder.reply(question.bytes)).opt == nil)
    question.size = 4096
    question.ednsFlags = 0xFFFF
    question.options = [0, 100, 0, 2, 7, 7]  // unknown: ignored and not echoed
    let reply = try #require(responder.reply(question.bytes))
    #expect(reply.opt?.recordClass == 1232)
    #expect(reply.opt?.ttl == 0x8000)  // no error, version 0, DO, Z clear
    #expect(reply.optData.isEmpty)
    question.ednsVersion = 100
    let version = try #require(responder.reply(question.bytes))
    #expect(version.code == 16 && version.opt?.ttl == 0x0100_8000)
    #expect(version.answers.isEmpty && version.authorities.isEmpty)
  }

  @Test func keepaliveOnTCPAlone() throws {
    var question = Question(Self.name)
    question.size = 1232
    question.options = [0, 11, 0, 0]
    #expect(try #require(responder.reply(question.bytes, isTCP: true)).optData == [0, 11, 0, 2, 0, 100])
    #expect(try #require(responder.reply(question.bytes)).optData.isEmpty)
  }

  /// A headless Service of 100 endpoints: 1,600 bytes of answers.
  static var large: ServiceWithEndpoints {
    let id = NamespacedName("shop", "large")
    var service = Service(id: id)
    service.isHeadless = true
    let endpoints = (0..<100).map { Samples.endpoint("10.244.5.\($0)") }
    return ServiceWithEndpoints(service: service, slices: [Samples.slice(id, .v4, [], endpoints)])
  }

  @Test(
    arguments: [
      (nil, 512, 29), (0, 512, 28), (512, 512, 28), (1000, 1000, 58), (1232, 1232, 73), (65535, 1232, 73),
    ] as [(UInt16?, Int, Int)]) func truncation(_ size: UInt16?, _ limit: Int, _ count: Int) throws
  {
    let zone = Samples.zone()
    zone.update(service: Self.large.service.id, to: Self.large)
    let responder = Samples.responder(zone)
    var question = Question("large.shop.svc.cluster.local")
    question.size = size
    let reply = try #require(responder.reply(question.bytes))
    #expect(reply.isTruncated)
    #expect(reply.length <= limit && reply.length > limit - 16)
    #expect(reply.answers.count == count)
    let whole = try #require(responder.reply(question.bytes, isTCP: true))
    #expect(!whole.isTruncated && whole.answers.count == 100)
  }

  /// Pointers that go forward, to themselves or around are refused by the reader of upstream answers.
  @Test(
    arguments: [
      ([0xC0, 12], false), ([0xC0, 14], false), ([0xC0, 200], false), ([1, 97, 0xC0, 12], false), ([0xC0], false),
      ([1, 97, 0xC0, 0], false), ([1, 97, 0], true), ([0x40, 97, 0], false), ([5, 97], false),
    ] as [([UInt8], Bool)]) func pointers(_ name: [UInt8], _ isGood: Bool)
  {
    let message = [UInt8](repeating: 0, count: 12) + name
    message.withUnsafeBufferPointer { #expect((MessageReader(bytes: $0).name(at: 12) != nil) == isGood) }
  }

  /// Whatever arrives, the server neither crashes nor sends something malformed.
  @Test func mutationsNeverBreakTheParser() throws {
    var random = Xorshift(state: 0x5EED_2026)
    var seeds = ZoneTests.cases.map { Question($0.name, $0.type).bytes }
    seeds += Self.broken.map(\.bytes)
    let responder = Samples.responder(Samples.zone())
    for round in 0..<60_000 {
      var bytes = seeds[round % seeds.count]
      for _ in 0..<Int.random(in: 1...4, using: &random) { random.mutate(&bytes) }
      guard let raw = responder.raw(bytes, turn: round) else { continue }
      let reply = Reply(raw)
      #expect(reply != nil, "malformed answer to \(bytes)")
      if reply == nil { break }
      _ = UpstreamAnswer(bytes, questionEnd: min(bytes.count, 12), now: 0)
    }
  }

  /// Answers of upstreams, mutated: read, copied for a client and written anew without a crash.
  @Test func mutatedAnswersNeverBreakTheCopy() throws {
    var random = Xorshift(state: 0xA11CE)
    let responder = Samples.responder(Samples.zone())
    let names = [
      "_sql._tcp.db.shop.svc.cluster.local", "alias.shop.svc.cluster.local", "nothing.shop.svc.cluster.local",
    ]
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 65535)
    defer { buffer.deallocate() }
    let query = Query()
    for round in 0..<30_000 {
      let name = names[round % names.count]
      var question = Question(name, round % 3 == 0 ? .srv : .a)
      if round % 2 == 0 { question.size = 1232 }
      var bytes = try #require(responder.raw(question.bytes, isTCP: true))
      let end = 12 + Question.wire(name).count + 4
      for _ in 0..<Int.random(in: 1...3, using: &random) { random.mutate(&bytes, from: end) }
      guard bytes.count >= end, let answer = UpstreamAnswer(bytes, questionEnd: end, now: 0) else { continue }
      question.bytes.withUnsafeBufferPointer { message in
        guard query.parse(message) == .question else { return }
        _ = answer.copy(for: query, into: buffer, limit: 65535, now: 3)
        var writer = ResponseWriter(buffer)
        writer.begin(query, limit: 1232)
        answer.write(into: &writer, now: 3)
        writer.finish(.noError, flags: 0)
        #expect(writer.position <= 1232)
      }
    }
  }
}

/// A generator whose sequence is the same in every run.
struct Xorshift: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// Changes, inserts, removes or cuts.
  mutating func mutate(_ bytes: inout [UInt8], from start: Int = 0) {
    guard bytes.count > start else { return }
    let index = Int.random(in: start..<bytes.count, using: &self)
    switch next() % 6 {
    case 0: bytes[index] = UInt8.random(in: 0...255, using: &self)
    case 1: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &self)
    case 2: bytes.insert(UInt8.random(in: 0...255, using: &self), at: index)
    case 3: bytes.remove(at: index)
    case 4: bytes.removeLast(bytes.count - index)
    default: bytes[index] = [0x00, 0x3F, 0x40, 0xC0, 0xFF][Int.random(in: 0..<5, using: &self)]
    }
  }
}
