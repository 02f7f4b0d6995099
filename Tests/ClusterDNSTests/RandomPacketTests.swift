import Addressing
import Testing

@testable import ClusterDNS

/// Two million packets that nobody means well with: no crash, and no answer of odd form.
@Suite struct RandomPacketTests {
  @Test func twoMillionPackets() throws {
    var random = Xorshift(state: 0x2_000_000)
    let answers = DatagramAnswers(
      zone: Samples.zone(), hosts: [try DomainName(parsing: "gateway.lab"): [IPAddress("192.0.2.1")!]], pods: .verified,
      reverseRanges: [Prefix("10.244.0.0/16")!])
    var seeds = ZoneTests.cases.map { test in
      var question = Question(test.name, test.type)
      if test.name.utf8.count % 2 == 0 { question.size = 1232 }
      return question.bytes
    }
    seeds += ProtocolTests.broken.map(\.bytes)
    var answered = 0
    var bytes = [UInt8](repeating: 0, count: 64)
    for round in 0..<2_000_000 {
      if round % 4 == 0 {
        // Noise of any length, with a header that lets some of it through.
        let count = Int(random.next() % 64)
        if bytes.count != count { bytes = [UInt8](repeating: 0, count: count) }
        var word = random.next()
        for index in bytes.indices {
          if index % 8 == 0 { word = random.next() }
          bytes[index] = UInt8(truncatingIfNeeded: word >> UInt64(index % 8 * 8))
        }
        if round % 8 == 0, count > 11 {
          bytes[2] &= 0x07
          bytes.replaceSubrange(4..<12, with: [0, 1, 0, 0, 0, 0, 0, 0])
        }
      } else {
        bytes = seeds[Int(random.next() % UInt64(seeds.count))]
        for _ in 0..<(1 + random.next() % 3) { random.mutate(&bytes) }
      }
      guard let answer = answers.answer(bytes, turn: round) else { continue }
      answered += 1
      // Cheap for each, and every thousandth is read whole.
      if answer.count < 12 || answer.count > 1232 || answer[0] != bytes[0] || answer[1] != bytes[1]
        || answer[2] & 0x80 == 0
      {
        Issue.record("an answer of odd form to \(bytes): \(answer)")
        return
      }
      if round % 1000 == 0, Reply(answer) == nil {
        Issue.record("a malformed answer to \(bytes): \(answer)")
        return
      }
    }
    #expect(answered > 500_000)
  }
}
