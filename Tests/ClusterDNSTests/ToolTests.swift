import Addressing
import Testing

@testable import ClusterDNS

/// Every answer of the table as three independent programs read it, over packets.
@Suite struct ToolTests {
  static let cases = ZoneTests.cases.filter { $0.type != .any }

  enum Tool: String, Sendable, CaseIterable {
    case dig, kdig, drill

    /// What is asked in one call: drill takes one question.
    var perCall: Int { self == .drill ? 1 : ToolTests.cases.count }

    func command(_ port: UInt16, _ cases: ArraySlice<ZoneTests.Case>, _ transport: String) -> String {
      switch self {
      case .dig:
        "dig @127.0.0.1 -p \(port) +tries=1 +\(transport) "
          + cases.map { "\($0.name) TYPE\($0.type.rawValue)" }.joined(separator: " ")
      case .kdig:
        "kdig @127.0.0.1 -p \(port) +retry=0 +noidn +\(transport) "
          + cases.map { "-q \($0.name) -t TYPE\($0.type.rawValue)" }.joined(separator: " ")
      case .drill:
        "drill -p \(port) \(transport == "tcp" ? "-t" : "-u") @127.0.0.1 \(cases.first!.name) TYPE\(cases.first!.type.rawValue)"
      }
    }
  }

  /// A tool's account of one answer.
  struct Account {
    var code = ""
    var answers: [String] = []
  }

  /// The answers in what a tool printed.
  static func read(_ output: String) -> [Account] {
    var accounts: [Account] = []
    var isAnswer = false
    for line in output.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix(";; ->>HEADER<<-") {
        accounts.append(Account())
        let words = line.split { $0 == " " || $0 == "," || $0 == ";" }
        if let place = words.firstIndex(where: { $0 == "status:" || $0 == "rcode:" }) {
          accounts[accounts.count - 1].code = String(words[place + 1])
        }
      }
      if line.hasPrefix(";; ") { isAnswer = line.contains("ANSWER SECTION") }
      if isAnswer, !line.isEmpty, !line.hasPrefix(";"), !accounts.isEmpty {
        let fields = line.split { $0 == " " || $0 == "\t" }.map { $0.lowercased() }
        guard fields.count > 4 else { continue }
        func name(_ text: String) -> String { String(text.dropLast()) }
        // Owner, TTL, class, type, data.
        let data =
          switch fields[3] {
          case "srv": "\(fields[6]) \(name(fields[7]))"
          case "cname", "ptr", "ns": name(fields[4])
          case "txt": fields[4].filter { $0 != "\"" }
          default: fields[4]
          }
        accounts[accounts.count - 1].answers.append("\(name(fields[0])) \(fields[3].uppercased()) \(data)")
      }
    }
    return accounts
  }

  @Test(arguments: Tool.allCases, ["notcp", "tcp"]) func everyAnswer(_ tool: Tool, _ transport: String) throws {
    var configuration = DNSServer.Configuration(listen: [loopback])
    configuration.nameServerAddresses = [IPAddress("10.96.0.10")!, IPAddress("fd00:96::10")!]
    let server = try DNSServer(configuration)
    server.replaceAll(Samples.services, pods: [Samples.pod], namespaces: ["quiet"])
    try server.start()
    defer { server.stop() }
    for first in stride(from: 0, to: Self.cases.count, by: tool.perCall) {
      let cases = Self.cases[first..<(first + tool.perCall)]
      let output = run(tool.command(server.addresses[0].port, cases, transport))
      let accounts = Self.read(output)
      #expect(accounts.count == cases.count, "\(output)")
      for (test, account) in zip(cases, accounts) {
        let code = [0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN"][test.code.rawValue]!
        #expect(account.code == code, "\(test.name): \(output.prefix(2000))")
        #expect(account.answers.sorted() == test.answers.sorted(), "\(test.name)")
      }
      #expect(
        !output.lowercased().contains("malformed") && !output.contains("Message parser"), "\(output.prefix(2000))")
    }
  }
}
