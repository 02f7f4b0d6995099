import Glibc
import Linux
import NodeAgent
import Testing

@Suite struct AgentHealthTests {
  static func status(_ change: (inout PlaneRunner.Status) -> Void) -> PlaneRunner.Status {
    var status = PlaneRunner.Status()
    status.lastSign = 1000
    change(&status)
    return status
  }
  static let well = status { $0.hasSynced = true }
  static let starting = status { _ in }
  static let failing = status { ($0.hasSynced, $0.failure, $0.failingSince) = (true, "no such thing", 960) }
  static let stumbling = status { ($0.hasSynced, $0.failure, $0.failingSince) = (true, "no such thing", 990) }
  static let failingAtFirst = status { ($0.failure, $0.failingSince) = ("no such thing", 999) }
  static let stuck = status { ($0.hasSynced, $0.lastSign) = (true, 700) }

  @Test(arguments: [
    (true, [well, well], 200, 200, ""), (false, [starting], 200, 503, "not all been listed"),
    (true, [starting], 200, 503, "plane p0 has not done its first work yet"),
    (true, [well, failing], 200, 503, "plane p1 has failed for 40 s: no such thing"), (true, [stumbling], 200, 200, ""),
    (true, [failingAtFirst], 200, 503, "plane p0 has failed for 1 s"),
    (true, [stuck], 503, 200, "plane p0 has been stuck for 300 s"), (true, [], 200, 200, ""),
  ])
  func livenessAndReadiness(
    hasSynced: Bool, planes: [PlaneRunner.Status], live: Int, ready: Int, says: String
  ) {
    let named = planes.enumerated().map { (name: "p\($0)", status: $1) }
    let answers = ["/livez", "/readyz"].map { path in
      AgentHealth.answer(.init(path: path, port: 1), (hasSynced, named), now: 1000)
    }
    #expect(answers.map(\.status) == [live, ready])
    #expect(says.isEmpty || answers.contains { $0.status == 503 && $0.body.contains(says) })
    #expect(AgentHealth.answer(.init(path: "/", port: 1), (hasSynced, named), now: 1000).status == 404)
  }

  @Test(arguments: [
    ("{}", []), ("", []),
    ("pod-range: [10.0.0.0/8, fd00::/48]\n", ["--pod-range=10.0.0.0/8", "--pod-range=fd00::/48"]),
    ("gateway: true\nwireguard-port: 51821", ["--gateway", "--wireguard-port=51821"]), ("gateway: false", []),
    (#"{"routing": "bgp"}"#, ["--routing=bgp"]),
  ])
  func aFileIsACommandLine(text: String, arguments: [String]) throws {
    #expect(try Self.read(text) == arguments)
  }

  @Test(arguments: [
    ("nonsense: 1", "there is no option nonsense"), ("- a", "expected one mapping"),
    ("a: 1\n---\nb: 2", "expected one mapping"),
    ("gateway: yes please", "expected true or false"), ("routing: {a: b}", "expected a text or number"),
    ("routing: true", "expected a text or number"), ("config: other", "there is no option config"),
  ])
  func aFileThatCannotBeReadIsToldAbout(text: String, message: String) {
    let error = #expect(throws: UsageError.self) { try Self.read(text) }
    #expect(error?.description.contains(message) == true, "\(error as Any)")
  }

  static func read(_ text: String) throws -> [String] {
    let path = "/tmp/swt-options-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try Files.write(path, text)
    defer { try? Files.remove(path) }
    return try AgentConfiguration.arguments(file: path)
  }

  @Test func theCommandLineComesAfterTheFile() throws {
    let path = "/tmp/swt-options-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    try Files.write(path, "routing: bgp\npod-range: 10.0.0.0/8\nhealth: 127.0.0.1:1\n")
    defer { try? Files.remove(path) }
    let options = try AgentConfiguration.options(["--config", path, "--routing", "vxlan", "--pod-range", "fd00::/48"])
    #expect(options["routing"] == "vxlan")
    #expect(options.all("pod-range") == ["10.0.0.0/8", "fd00::/48"])
    #expect(options["health"] == "127.0.0.1:1")
  }
}
