import Addressing
import Diagnosis
import Glibc
import JSON
import Lab
import Linux
import Testing

@Suite struct LabPartsTests {
  static func configuration(_ arguments: [String] = []) throws -> LabConfiguration {
    let options = try LabUpOptions(arguments)
    return LabConfiguration(
      ranges: options.ranges, workerCount: options.nodes, apiPort: 6443, executables: "/opt/swiftlet", hasGateway: true)
  }

  @Test func tablesAreAligned() {
    var table = TextTable("NAME", "ADDRESS", "NOTE")
    table.add("a", "10.0.0.1", "")
    table.add("longer-name", "-", "x")
    #expect(
      table.text == """
        NAME         ADDRESS   NOTE
        a            10.0.0.1
        longer-name  -         x

        """)
  }

  @Test func addressesOfNodes() throws {
    let lab = try Self.configuration(["--nodes", "2", "--node-range", "172.20.0.0/24"])
    #expect(lab.gateway == IPAddress("172.20.0.1"))
    #expect(lab.nodes.map(\.name) == ["control", "node1", "node2"])
    #expect(lab.nodes.map(\.address.description) == ["172.20.0.2", "172.20.0.11", "172.20.0.12"])
    #expect(lab.gatewayNode?.name == "node1")
  }

  @Test func aConfigurationComesBackFromItsFile() throws {
    let lab = try Self.configuration(["--nodes", "5", "--pod-range=10.8.0.0/14"])
    #expect(try LabConfiguration(json: try JSON(parsing: lab.json.bytes())) == lab)
    #expect(throws: LabError.self) { try LabConfiguration(json: ["workers": 0]) }
  }

  struct BadOptions: Sendable {
    var arguments: [String]
    var message: String
  }

  @Test(arguments: [
    BadOptions(arguments: ["--nodes", "0"], message: "--nodes: found \"0\""),
    BadOptions(arguments: ["--nodes"], message: "--nodes needs a value"),
    BadOptions(arguments: ["--pods", "x"], message: "unknown option --pods"),
    BadOptions(arguments: ["--pod-range", "10.96.0.0/12"], message: "(from --pod-range) contains service range"),
    BadOptions(arguments: ["--pod-range", "10.96.0.0/12"], message: "10.96.0.0/16 (from the default)"),
    BadOptions(
      arguments: ["--service-range", "203.0.113.0/24"], message: "is the same as service range 203.0.113.0/24"),
    BadOptions(arguments: ["--nodes", "50", "--pod-range", "10.244.0.0/20"], message: "room for 16 nodes"),
    BadOptions(arguments: ["--", "ls"], message: "no command after --"),
  ]) func badOptions(_ example: BadOptions) {
    let error = #expect(throws: (any Error).self) { try LabUpOptions(example.arguments) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(example.message), "\(error.map { "\($0)" } ?? "")")
  }

  @Test func manifestsAreTakenFromOptionsAndOperands() throws {
    let options = try LabUpOptions(["-f", "a.yaml", "b", "--filename=-", "--nodes", "7", "--skip-checks"])
    #expect(options.paths == ["a.yaml", "-", "b"])
    #expect(options.nodes == 7)
    #expect(!options.runsChecks)
  }

  @Test func onlyOneMakesALab() throws {
    let site = try LabSite(name: "one\(getpid())")
    var first = try UpLock.attempt(site)
    #expect(first != nil)
    let second = try UpLock.attempt(site)
    #expect(second == nil)
    let other = try UpLock.attempt(LabSite(name: "two\(getpid())"))
    #expect(other != nil)
    first = nil
    let third = try UpLock.attempt(site)
    #expect(third != nil)
  }

  @Test func commandLines() throws {
    let commands = LabCommands(site: LabSite(), lab: try Self.configuration(["--nodes", "2"]))
    let names = [
      "outside", "server", "agent-control", "runtime-control", "agent-node1", "runtime-node1", "agent-node2",
      "runtime-node2",
    ]
    #expect(commands.processes.map(\.name) == names)
    #expect(commands.processes.filter(\.inheritsListener).map(\.name) == ["server"])
    let server = commands.server.argv.joined(separator: " ")
    #expect(server.hasPrefix("/opt/swiftlet/swiftlet server --data-dir /run/swiftlet/lab/server "))
    #expect(server.contains("--listen 192.168.77.2:6443 --listen-fd 3 --advertise-address 192.168.77.2"))
    let agents = commands.processes.filter { $0.name.hasPrefix("agent") }
    #expect(agents.map { $0.argv.contains("--gateway") } == [false, true, false])
    #expect(agents.map(\.node) == ["control", "node1", "node2"])
  }

  @Test func theTableOfProcessesComesBack() throws {
    let path = "/tmp/swt-lab-processes-\(getpid()).json"
    defer { unlink(path) }
    #expect(ProcessTable(path: path) == nil)
    var table = ProcessTable()
    table.supervisor = ProcessIdentity(pid: 1, startTime: 2)
    table.processes["server"] = ProcessTable.Entry(identity: ProcessIdentity(pid: 3, startTime: 4), restarts: 5)
    try table.write(path)
    #expect(ProcessTable(path: path) == table)
    try Files.write(path, "{")
    #expect(ProcessTable(path: path) == nil)
  }
}
