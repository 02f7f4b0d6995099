import Glibc
import JSON
import Linux
import NodeAgent
import Testing

@Suite struct AgentStatusTests {
  private let folder: String

  init() throws {
    var template = Array("/tmp/swt-status-XXXXXX".utf8CString)
    folder = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  private func server(_ status: @escaping @Sendable () -> JSON) throws -> AgentStatusServer {
    let server = try AgentStatusServer(path: "\(folder)/\(AgentStatusClient.socketName)", status: status)
    server.start()
    return server
  }

  @Test func anAgentAnswers() throws {
    defer { try? Files.removeTree(folder) }
    let server = try server { ["node": "n1", "big": .string(String(repeating: "x", count: 1 << 20))] }
    let client = AgentStatusClient(stateDirectory: folder)
    for _ in 0..<3 {
      let status = try client.status()
      #expect(status["node"].string == "n1")
      #expect(status["big"].string?.count == 1 << 20, "more than a socket's buffer holds")
    }
    let mode = try ChildProcess.run(["stat", "-c", "%a", client.path]).output
    #expect(mode == "600\n")
    server.stop()
    #expect(!Files.exists(client.path))
  }

  @Test func manyAskAtOnceAndSomeNeverDo() throws {
    defer { try? Files.removeTree(folder) }
    let server = try server { ["node": "n1"] }
    defer { server.stop() }
    let client = AgentStatusClient(stateDirectory: folder)
    // Fewer than the server takes at once; they stay silent.
    let silent = try ChildProcess(
      [
        "python3", "-c",
        "import socket,sys,time\na=[]\nfor i in range(20):\n s=socket.socket(socket.AF_UNIX);"
          + "s.connect(sys.argv[1]);a.append(s)\nprint('up',flush=True);time.sleep(60)", client.path,
      ],
      standardOutput: .null)
    defer { silent.stop(grace: 1) }
    for _ in 0..<50 { #expect(try client.status()["node"].string == "n1") }
  }

  @Test func anotherRequestIsRefused() throws {
    defer { try? Files.removeTree(folder) }
    let server = try server { ["node": "n1"] }
    defer { server.stop() }
    func ask(_ request: String) throws -> String {
      let socket = try UnixSocket.connect("\(folder)/\(AgentStatusClient.socketName)", timeout: 5)
      try socket.writeAll(Array(request.utf8))
      return String(decoding: (try? socket.readAll()) ?? [], as: UTF8.self)
    }
    #expect(try ask("reboot\n").contains(#"found the request \"reboot\", expected \"status\""#))
    #expect(try ask(String(repeating: "x", count: 257)).isEmpty, "closed without an answer")
    #expect(try ask("status\n").contains("n1"))
  }

  @Test func whyNobodyAnswersIsASentence() throws {
    defer { try? Files.removeTree(folder) }
    let client = AgentStatusClient(stateDirectory: folder)
    let missing = #expect(throws: AgentStatusError.self) { try client.status() }
    #expect(missing?.description.contains("no agent runs with the state directory \(folder)") == true)
    // What an agent leaves that was killed.
    let left = try UnixSocket.listen(client.path)
    _ = consume left
    let stale = #expect(throws: AgentStatusError.self) { try client.status() }
    #expect(stale?.description.contains("runs no more") == true)
    let server = try server { .null }
    defer { server.stop() }
    let odd = #expect(throws: AgentStatusError.self) { try client.status() }
    #expect(odd?.description.contains("no agent of this version") == true)
    let second = #expect(throws: SystemError.self) { try AgentStatusServer(path: client.path) { .null } }
    #expect(second?.code == EADDRINUSE)
  }

  @Test func peopleReadATable() throws {
    let status = try JSON(
      parsing: """
        {"version": "1.2", "node": "n1", "pid": 7, "started": "2026-01-01T00:00:00Z", "podRanges": ["10.244.1.0/24"],
         "planes": [
          {"name": "policy", "synced": true, "changes": 3},
          {"name": "routing", "synced": true, "changes": 1, "status": {"mode": "bgp", "mtu": 1500,
           "backends": {"bgp": {"backend": "bgp", "peers": {"n2": {"10.244.2.0/24": "bgp via 192.0.2.2"}}, "as": 64512, "routerID": "192.0.2.1", "bird": {"pid": 9, "version": "2.0.12"},
            "sessions": [{"name": "node.n2.v4", "peer": "n2", "role": "node", "address": "192.0.2.2", "as": 64512,
             "state": "Established", "since": "2026-01-01 00:00:01", "routesIn": 1, "routesOut": 1}]},
            "vxlan": {"links": [{"name": "swiftlet.1", "mtu": 1450, "up": true}], "peers": {}}}}}]}
        """)
    let report = StatusReport(status)
    #expect(report.isWell)
    for line in [
      "node n1: swiftlet 1.2, pid 7, since 2026-01-01T00:00:00Z", "pod ranges: 10.244.1.0/24",
      "policy   works  3", "routing bgp, pods' MTU 1500", "n2    10.244.2.0/24  bgp via 192.0.2.2",
      "link swiftlet.1, MTU 1450",
      "bgp AS 64512, router id 192.0.2.1, BIRD 2.0.12 pid 9",
      "n2    node  192.0.2.2  64512  Established  2026-01-01 00:00:01  1   1",
    ] {
      #expect(report.text.contains(line), "\(line) is missing in:\n\(report.text)")
    }
    var failing = status
    failing["planes"] = [["name": "policy", "synced": true, "changes": 3, "failure": "no such table"]]
    #expect(!StatusReport(failing).isWell && StatusReport(failing).text.contains("failing  3        no such table"))
    #expect(StatusReport(.null).text.contains("node ?"))
  }
}
