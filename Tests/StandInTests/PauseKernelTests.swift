import Glibc
import JSON
import Linux
import Testing

@testable import StandIn

/// The built program, in namespaces of its own making.
@Suite(.serialized) final class PauseKernelTests {
  private let directory = "/tmp/swt-runtime-pause-\(getpid())"
  private var processes: [ChildProcess] = []

  init() throws {
    try Files.makeDirectories(directory)
    try Files.write("\(directory)/resolv.conf", "nameserver 10.96.0.10\n")
    try Files.write("\(directory)/hosts", "10.244.1.2 web-1\n")
  }

  deinit {
    for process in processes { process.stop(grace: 0) }
    try? Files.removeTree(directory)
  }

  /// `swiftlet-pause` beside the running test bundle.
  static var program: String {
    get throws {
      var buffer = [CChar](repeating: 0, count: 4096)
      // The bundle's path is an argument of the testing helper, or the program itself.
      let candidates =
        CommandLine.arguments
        + [
          readlink("/proc/self/exe", &buffer, 4095) > 0
            ? String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) : ""
        ]
      for candidate in candidates {
        let path = Files.parent(of: candidate) + "/swiftlet-pause"
        if candidate.contains("/"), Files.exists(path) { return path }
      }
      return try #require(Files.exists(".build/debug/swiftlet-pause") ? ".build/debug/swiftlet-pause" : nil)
    }
  }

  /// Starts a sandbox and waits for its byte.
  private func sandbox(_ change: (inout SandboxOptions) -> Void = { _ in }) throws -> ChildProcess {
    var options = SandboxOptions()
    options.hostname = "web-1"
    options.resolverConfiguration = "\(directory)/resolv.conf"
    options.hosts = "\(directory)/hosts"
    change(&options)
    return try start(["sandbox"] + options.arguments, ready: 1)
  }

  /// Starts the program; `ready` is the descriptor on which it says a byte.
  private func start(_ arguments: [String], ready: CInt?) throws -> ChildProcess {
    var ends: [CInt] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    let child = try ChildProcess(
      [try Self.program] + arguments, standardOutput: ready == 1 ? .descriptor(ends[1]) : .null,
      extraDescriptors: ready == 3 ? [ends[1]] : [])
    processes.append(child)
    close(ends[1])
    if ready != nil {
      var byte: UInt8 = 0
      #expect(read(ends[0], &byte, 1) == 1, "\(arguments[0]) did not say that it is ready")
    }
    return child
  }

  private func inside(_ sandbox: ChildProcess, _ command: [String], input: String = "") throws -> ChildProcess.Result {
    try ChildProcess.run(
      [try Self.program, "enter", "--pid", "\(sandbox.pid)", "--"] + command, input: Array(input.utf8), timeout: 10)
  }

  private func standIn(_ sandbox: ChildProcess, _ ports: [String]) throws -> ChildProcess {
    var arguments = ["enter", "--pid", "\(sandbox.pid)", "--", try Self.program, "stand-in", "--ready-fd", "3"]
    arguments += ["--pod", "shop/web-1", "--container", "c", "--node", "node1"]
    for port in ports { arguments += ["--port", port] }
    return try start(arguments, ready: 3)
  }

  @Test func sandboxHasItsOwnNamesFilesAndLoopback() throws {
    let hostBefore = try Files.readText("/etc/hosts")
    let sandbox = try sandbox()
    #expect(try inside(sandbox, ["uname", "-n"]).output == "web-1\n")
    #expect(try inside(sandbox, ["cat", "/etc/resolv.conf"]).output == "nameserver 10.96.0.10\n")
    #expect(try inside(sandbox, ["cat", "/etc/hosts"]).output == "10.244.1.2 web-1\n")
    let links = try JSON(parsing: try inside(sandbox, ["ip", "-j", "link"]).standardOutput)
    #expect(links.elements.map { $0["ifname"].string } == ["lo"])
    #expect(links[0]["flags"].elements.contains("UP"))
    for kind in ["net", "mnt", "uts", "ipc"] {
      #expect(try namespace(sandbox.pid, kind) != namespace(getpid(), kind))
    }
    #expect(try Files.readText("/etc/hosts") == hostBefore)
    // The file is the same one: what is written later is seen inside.
    let file = try FileDescriptor.open("\(directory)/hosts", O_WRONLY | O_TRUNC)
    try file.writeAll(Array("10.244.1.9 web-1\n".utf8))
    #expect(try inside(sandbox, ["cat", "/etc/hosts"]).output == "10.244.1.9 web-1\n")
    #expect(sandbox.stop() == .exited(0))
  }

  private func namespace(_ pid: pid_t, _ kind: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    let count = try check("readlink") { readlink("/proc/\(pid)/ns/\(kind)", &buffer, 255) }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  @Test func hostNetworkStaysWhereItWasStarted() throws {
    let sandbox = try sandbox { $0.usesHostNetwork = true }
    #expect(try namespace(sandbox.pid, "net") == namespace(getpid(), "net"))
    #expect(try namespace(sandbox.pid, "uts") != namespace(getpid(), "uts"))
  }

  @Test func identityFileNamesTheProcess() throws {
    let sandbox = try sandbox { $0.identityFile = "\(directory)/id" }
    let identity = try #require(IdentityFile.read("\(directory)/id"))
    #expect(identity.pid == sandbox.pid)
    #expect(identity == ProcessIdentity(pid: sandbox.pid))
  }

  @Test(arguments: zip(["true", "sh -c exit\t7", "/nonexistent", "/etc"], [0, 7, 127, 126] as [CInt]))
  func enterBecomesTheCommand(command: String, code: CInt) throws {
    let words = command.split(separator: " ").map { String($0).replacing("\t", with: " ") }
    #expect(try inside(try sandbox(), words).status == .exited(code))
  }

  @Test func enterRefusesAnEndedSandbox() throws {
    let sandbox = try sandbox()
    sandbox.stop()
    let result = try inside(sandbox, ["true"])
    #expect(result.status == .exited(125))
    #expect(result.errorOutput.contains("\(sandbox.pid)"))
  }

  @Test(arguments: ["127.0.0.1", "[::1]"])
  func standInAnswersHTTP(host: String) throws {
    let sandbox = try sandbox()
    _ = try standIn(sandbox, ["8080/TCP"])
    let answer = try inside(
      sandbox, ["curl", "-s", "-g", "http://\(host):8080/x", "http://\(host):8080/y", "-w", "%{num_connects}\n"])
    let lines = answer.output.split(separator: "\n")
    #expect(lines.count == 4, "\(answer)")
    let first = try JSON(parsing: String(lines[0]))
    #expect(first["path"] == "/x")
    #expect(first["pod"] == "web-1")
    #expect(first["address"].string == String(host.filter { $0 != "[" && $0 != "]" }))
    #expect(lines[1] == "1" && lines[3] == "0", "the second request shall use the same connection")
  }

  @Test(arguments: ["TCP:127.0.0.1:9000", "TCP:[::1]:9000", "UDP:127.0.0.1:53", "UDP:[::1]:53"])
  func standInAnswersOtherBytesAndDatagrams(peer: String) throws {
    let sandbox = try sandbox()
    _ = try standIn(sandbox, ["9000/TCP", "53/UDP"])
    let answer = try inside(sandbox, ["socat", "-t", "2", "-", peer], input: "hello\n").output
    #expect(answer.hasPrefix("pod=web-1 namespace=shop container=c node=node1 client="))
    #expect(answer.hasSuffix("hello\n") == peer.hasPrefix("TCP"))
  }

  @Test func datagramIsAnsweredFromTheAddressItCameTo() throws {
    let sandbox = try sandbox()
    #expect(try inside(sandbox, ["ip", "address", "add", "192.0.2.7/32", "dev", "lo"]).status.isSuccess)
    _ = try standIn(sandbox, ["53/UDP"])
    // A connected socket drops answers from another address.
    let answer = try inside(sandbox, ["socat", "-t", "2", "-", "UDP:192.0.2.7:53,bind=127.0.0.1"], input: "q").output
    #expect(answer.contains("client=127.0.0.1:") && answer.contains("address=192.0.2.7 port=53"), "\(answer)")
  }

  @Test func largeEchoComesBackWhole() throws {
    let sandbox = try sandbox()
    _ = try standIn(sandbox, ["9000/TCP"])
    let text = String(repeating: "0123456789abcde\n", count: 65536)
    let answer = try inside(sandbox, ["socat", "-t", "5", "-", "TCP:127.0.0.1:9000"], input: text).output
    #expect(
      answer.utf8.count == text.utf8.count
        + (answer.utf8.firstIndex(of: 0x0A).map { answer.utf8.distance(from: answer.startIndex, to: $0) } ?? 0) + 1)
    #expect(answer.hasSuffix(text))
  }

  @Test func standInEndsAsAsked() throws {
    let sandbox = try sandbox()
    let first = try standIn(sandbox, ["8080/TCP"])
    _ = try inside(sandbox, ["curl", "-s", "http://127.0.0.1:8080/_swiftlet/exit?code=3"])
    #expect(first.wait(timeout: 5) == .exited(3))
    let second = try standIn(sandbox, ["8080/TCP"])
    second.signal(SIGTERM)
    #expect(second.wait(timeout: 5) == .exited(0))
  }

  @Test func requestUnderWayIsFinishedAfterSIGTERM() throws {
    let sandbox = try sandbox()
    let server = try standIn(sandbox, ["8080/TCP"])
    let client = try ChildProcess(
      [try Self.program, "enter", "--pid", "\(sandbox.pid)", "--", "curl", "-sf", "-o", "/dev/null"]
        + ["http://127.0.0.1:8080/_swiftlet/slow?ms=1700"])
    processes.append(client)
    // The request must have arrived: a second connection sees the first one established.
    while !(try inside(sandbox, ["ss", "-Htn", "state", "established"]).output.contains(":8080")) { usleep(10_000) }
    usleep(100_000)
    server.signal(SIGTERM)
    #expect(client.wait(timeout: 5) == .exited(0))
    #expect(server.wait(timeout: 5) == .exited(0))
  }

  /// Requests still come while nodes learn that the pod is about to go: they are served.
  @Test func newConnectionsAndDatagramsAreServedForAMomentAfterSIGTERM() throws {
    let sandbox = try sandbox()
    let server = try standIn(sandbox, ["8080/TCP", "53/UDP"])
    server.signal(SIGTERM)
    // The signal is taken before what comes after it: both wait in one queue of the loop.
    #expect(try inside(sandbox, ["curl", "-sf", "http://127.0.0.1:8080/"]).status.isSuccess)
    #expect(try inside(sandbox, ["socat", "-t", "2", "-", "UDP:127.0.0.1:53"], input: "q").output.contains("web-1"))
    #expect(server.wait(timeout: 5) == .exited(0))
  }

  @Test func takenPortIsReportedAndOthersServe() throws {
    let sandbox = try sandbox()
    _ = try standIn(sandbox, ["8080/TCP"])
    _ = try standIn(sandbox, ["8080/TCP", "8081/TCP"])
    #expect(try inside(sandbox, ["curl", "-s", "http://127.0.0.1:8081/"]).status.isSuccess)
    let alone = try inside(
      sandbox, [try Self.program, "stand-in", "--pod", "a/b", "--container", "c", "--port", "8080"])
    #expect(alone.status == .exited(1))
    #expect(alone.errorOutput.contains("8080/TCP"))
  }

  @Test func standInWithoutPortsRuns() throws {
    let sandbox = try sandbox()
    let server = try standIn(sandbox, [])
    #expect(server.wait(timeout: 0.1) == nil)
    server.signal(SIGTERM)
    #expect(server.wait(timeout: 5) == .exited(0))
  }
}
