import Addressing
import Diagnosis
import Glibc
import JSON
import Linux
import Testing

@testable import Lab

@Suite struct LabPartsTests {
  static func configuration(_ arguments: [String] = []) throws -> LabConfiguration {
    let options = try LabUpOptions(arguments)
    return LabConfiguration(
      ranges: options.ranges, members: LabConfiguration.members(options.nodes, options.routing),
      routing: options.routing, wiring: options.wiring, underlay: options.underlay, apiPort: 6443,
      executables: "/opt/swiftlet", hasGateway: true)
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
    #expect(lab.control.gateways == [IPAddress("172.20.0.1")!])
    #expect(lab.nodes.map(\.name) == ["control", "node1", "node2"])
    #expect(lab.nodes.map(\.address.description) == ["172.20.0.2", "172.20.0.11", "172.20.0.12"])
    #expect(lab.gatewayNode?.name == "node1")
  }

  @Test func addressesOfBothFamiliesBehindARouter() throws {
    let lab = try Self.configuration(["--nodes", "3", "--family", "46", "--underlay", "routed"])
    #expect(lab.families == [.v4, .v6])
    func addresses(_ node: LabNode) -> String { node.addresses.map(\.description).joined(separator: " ") }
    #expect(
      lab.nodes.map(addresses) == [
        "192.168.77.2 fd00:192:168:77::2", "192.168.77.11 fd00:192:168:77::b",
        "192.168.77.140 fd00:192:168:77:8000::c", "192.168.77.13 fd00:192:168:77::d",
      ])
    #expect(lab.nodes.map(\.subnetIndex) == [0, 0, 1, 0])
    #expect(lab.workers[1].subnets.map(\.description) == ["192.168.77.128/25", "fd00:192:168:77:8000::/65"])
    #expect(lab.workers[1].gateways.map(\.description) == ["192.168.77.129", "fd00:192:168:77:8000::1"])
    let six = try Self.configuration(["--family", "6"])
    #expect(six.ranges.podRanges.map(\.prefix.description) == ["fd00:10:244::/56"])
    #expect(six.apiURL == "https://[fd00:192:168:77::2]:6443")
    // The ranges say which families there are, where --family does not.
    let named = try Self.configuration(["--pod-range", "fd00:1::/56", "--pod-range", "10.1.0.0/16"])
    #expect(named.families == [.v6, .v4])
  }

  @Test func aConfigurationComesBackFromItsFile() throws {
    let lab = try Self.configuration(["--nodes", "5", "--pod-range=10.8.0.0/14"])
    #expect(try LabConfiguration(json: try JSON(parsing: lab.json.bytes())) == lab)
    var other = try Self.configuration(
      ["--family", "64", "--routing", "cross-subnet", "--wiring", "routed", "--underlay", "routed"])
    other.members[1].state = .killed
    other.members[0].slot = 7
    other.controlState = .partitioned
    other.controlRouting = .hostGateway
    #expect(try LabConfiguration(json: try JSON(parsing: other.json.bytes())) == other)
    #expect(LabCommands(site: LabSite(), lab: other).processes.allSatisfy { $0.node != "node2" })
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
    BadOptions(arguments: ["--routing", "udp"], message: "--routing: found \"udp\", expected one of vxlan"),
    BadOptions(arguments: ["--wiring", "veth"], message: "expected one of bridge, bridge-shared, routed"),
    BadOptions(arguments: ["--family", "5"], message: "expected one of 4, 6, 46, 64"),
    BadOptions(arguments: ["--family", "4", "--pod-range", "fd00:1::/56"], message: "the same families"),
    BadOptions(arguments: ["--routing", "host-gw", "--underlay", "routed"], message: "choose --routing cross-subnet"),
    BadOptions(arguments: ["--routing", "bgp", "--underlay", "routed"], message: "every router between the nodes"),
    BadOptions(arguments: ["--routing", "ipip", "--family", "46"], message: "ipip carries IPv4 alone"),
    BadOptions(
      arguments: ["--nodes", "9", "--underlay", "routed", "--node-range", "10.0.0.0/27"], message: "holds 32"),
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
    #expect(server.contains("--listen-fd 3 --listen 192.168.77.2:6443 --advertise-address 192.168.77.2 "))
    let dual = LabCommands(site: LabSite(), lab: try Self.configuration(["--family", "46", "--routing", "host-gw"]))
    let dualServer = dual.server.argv.joined(separator: " ")
    #expect(dualServer.contains("--listen 192.168.77.2:6443 --listen [fd00:192:168:77::2]:6443 "))
    #expect(dualServer.contains("--service-range 10.96.0.0/16 --service-range fd00:10:96::/112"))
    let dualAgent = dual.agent(dual.lab.workers[0]).argv.joined(separator: " ")
    #expect(dualAgent.contains("--routing host-gw "))
    #expect(dualAgent.contains("--cluster-dns 10.96.0.10 --cluster-dns fd00:10:96::a "))
    #expect(dualAgent.contains("--upstream-dns 203.0.113.53 --upstream-dns 2001:db8:203:113::53"))
    #expect(
      dual.runtime(dual.lab.workers[0]).argv.joined(separator: " ")
        .contains("--node-address 192.168.77.11 --node-address fd00:192:168:77::b "))
    let agents = commands.processes.filter { $0.name.hasPrefix("agent") }
    #expect(agents.map { $0.argv.contains("--gateway") } == [false, true, false])
    #expect(agents.map(\.node) == ["control", "node1", "node2"])
  }

  @Test(arguments: [
    ("extra", nil), ("a-1", nil), ("control", "uses that name"), ("nodes2", "uses that name"),
    ("node1", "such a node already"), ("Node9", "lower-case"), ("-x", "lower-case"), ("", "1 to 15"),
    ("sixteen-letters-", "1 to 15"), ("abcdefghijklmnop", "1 to 15"),
  ]) func namesOfNodes(name: String, fault: String?) {
    let found = LabNodes.fault(ofName: name, among: ["control", "node1"])
    #expect(fault.map { found?.contains($0) == true } ?? (found == nil), "\(found ?? "taken")")
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
