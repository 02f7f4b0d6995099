import Addressing
import ClusterModel
import Testing

@testable import ClusterDNS

/// The same zone at Knot: what a random question gets there, it gets here.
@Suite(.serialized) struct DifferentialTests {
  /// Where we answer otherwise, on purpose.
  struct Difference {
    var why: String
    var matches: @Sendable (_ asked: Question, _ ours: Reply, _ knots: Reply) -> Bool
  }

  static let intended: [Difference] = [
    Difference(why: "ANY is one HINFO record (RFC 8482), not all there is") { asked, ours, _ in
      asked.type == .any && ours.answers.allSatisfy { $0.hasSuffix("HINFO") || $0.contains(" CNAME ") }
    },
    Difference(why: "a namespace exists, though nothing of it has a name in the zone: NODATA, not NXDOMAIN") {
      asked, ours, knots in
      let labels = asked.name.lowercased().split(separator: ".")
      return labels.count == 4 && RandomCluster.namespaces.contains(String(labels[0]))
        && (labels[1] == "svc" || labels[1] == "pod") && ours.code == 0 && knots.code == 3 && ours.answers.isEmpty
    },
    Difference(why: "aliases in a circle are a SERVFAIL, not an answer without end") { _, ours, knots in
      ours.code == 2 && knots.code == 0 && knots.answers.allSatisfy { $0.contains(" CNAME ") }
    },
    Difference(why: "a truncated answer holds what fits, in whatever order") { _, ours, knots in
      ours.isTruncated && knots.isTruncated && ours.code == knots.code
    },
    Difference(why: "transfers over UDP are refused") { asked, ours, _ in
      (asked.type == .axfr || asked.type == .ixfr) && ours.code == 5
    },
  ]

  @Test func randomQuestionsGetKnotsAnswers() throws {
    var random = Xorshift(state: 0xD1FF_2026)
    let cluster = RandomCluster(services: 240, pods: 150, using: &random)
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.podRecords = .verified
    configuration.transferTo = [Prefix("127.0.0.0/8")!]
    let server = try DNSServer(configuration)
    server.replaceAll(cluster.services, pods: cluster.pods, namespaces: RandomCluster.namespaces)
    try server.start()
    defer { server.stop() }

    let zone = run("kdig @127.0.0.1 -p \(server.addresses[0].port) +noidn cluster.local AXFR")
    let owners = Set(
      zone.split(separator: "\n").filter { !$0.hasPrefix(";") }.compactMap { $0.split(separator: " ").first }
        .flatMap { $0.split(separator: "\t").prefix(1) }.map { String($0.dropLast()) }
    ).sorted()
    #expect(owners.count > 300 && owners.contains("dns-version.cluster.local"), "\(zone.prefix(500))")
    let knot = try Knot(zone: "cluster.local", file: zone)
    defer { knot.stop() }

    let ours = try Client(server.addresses[0])
    let theirs = try Client(knot.address)
    var tally = [Int](repeating: 0, count: Self.intended.count)
    var unexplained = 0
    for _ in 0..<1563 {
      let questions = (0..<64 as Range<UInt16>).map { id in
        var question = Self.question(owners, &random)
        question.id = id
        return question
      }
      for question in questions {
        ours.send(question.bytes)
        theirs.send(question.bytes)
      }
      let left = try replies(ours)
      let right = try replies(theirs)
      for question in questions {
        let mine = try #require(left[question.id])
        let knots = try #require(right[question.id])
        if Self.isSame(mine, knots) { continue }
        if let index = Self.intended.firstIndex(where: { $0.matches(question, mine, knots) }) {
          tally[index] += 1
        } else {
          unexplained += 1
          if unexplained < 10 { Issue.record("\(question)\nours: \(mine)\nknot: \(knots)") }
        }
      }
    }
    #expect(unexplained == 0)
    // Every entry of the table is there for a reason.
    for (index, count) in tally.enumerated() { #expect(count > 0, "never seen: \(Self.intended[index].why)") }
  }

  private func replies(_ client: Client) throws -> [UInt16: Reply] {
    var replies: [UInt16: Reply] = [:]
    for _ in 0..<64 {
      let reply = try #require(client.receive().flatMap { Reply($0) })
      replies[reply.id] = reply
    }
    return replies
  }

  /// Code, authority flag, the question as it was asked, answers in any order, and in negative answers the SOA.
  private static func isSame(_ left: Reply, _ right: Reply) -> Bool {
    left.code == right.code && left.isAuthoritative == right.isAuthoritative && left.question == right.question
      && left.isTruncated == right.isTruncated && left.answers.sorted() == right.answers.sorted()
      && left.authorities.filter { $0.contains(" SOA ") } == right.authorities.filter { $0.contains(" SOA ") }
      && (left.opt == nil) == (right.opt == nil)
  }

  private static let types: [RecordType] = [
    .a, .a, .a, .a, .aaaa, .aaaa, .srv, .srv, .txt, .cname, .ptr, .ns, .soa, .mx, .any, .hinfo,
    RecordType(rawValue: 65), RecordType(rawValue: 257), .axfr, .ixfr,
  ]

  /// An existing name, or one near it, in odd case, of a type that may be odd.
  private static func question(_ owners: [String], _ random: inout Xorshift) -> Question {
    var labels = owners[Int.random(in: 0..<owners.count, using: &random)].split(separator: ".").map(String.init)
    func letters(_ count: Int) -> String {
      String((0..<count).map { _ in "abcdefghijklmnopqrstuvwxyz-_0123456789".randomElement(using: &random)! })
    }
    switch Int.random(in: 0..<12, using: &random) {
    case 0: labels.insert(letters(Int.random(in: 1...63, using: &random)), at: 0)
    case 1 where labels.count > 2: labels.removeFirst()
    case 2 where labels.count > 3: labels.removeFirst(2)
    case 3: labels[0] = letters(Int.random(in: 1...20, using: &random))
    case 4 where labels.count > 3: labels[1] = letters(5)
    case 5: labels.insert("_tcp", at: 0)
    case 6:
      // As long as a name can be.
      while labels.reduce(1, { $0 + $1.utf8.count + 1 }) < 250 {
        let room = 254 - labels.reduce(1) { $0 + $1.utf8.count + 1 }
        labels.insert(letters(min(63, room)), at: 0)
      }
    case 7 where labels.count > 2:
      labels =
        ["\(RandomCluster.namespaces.randomElement(using: &random)!)", ["svc", "pod"].randomElement(using: &random)!]
        + labels.suffix(2)
    default: break
    }
    var name = labels.joined(separator: ".")
    if Bool.random(using: &random) {
      name = String(name.map { Bool.random(using: &random) ? Character($0.uppercased()) : $0 })
    }
    var question = Question(name, types[Int.random(in: 0..<types.count, using: &random)])
    if Int.random(in: 0..<8, using: &random) == 0 {
      question.type = RecordType(rawValue: UInt16.random(in: 258...65000, using: &random))
    }
    question.flags = Bool.random(using: &random) ? 0x0100 : 0
    if Bool.random(using: &random) { question.size = 1232 }
    return question
  }
}
