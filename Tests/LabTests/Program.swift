import Glibc
import JSON
import Linux
import Testing

@testable import Lab

/// The program under test, as built beside the tests.
struct Program: Sendable {
  static let repository = String(#filePath.dropLast("/Tests/LabTests/Program.swift".count))

  let path: String
  /// A lab of its own name: a person's lab on the same machine goes on, and other suites' and other runs' do.
  let lab: String
  let site: LabSite

  /// - Parameter letter: tells the labs of this process apart.
  init(_ letter: String = "t") throws {
    lab = "\(letter)\(getpid())"
    site = try LabSite(name: lab)
    let own = CommandLine.arguments[0]
    path = own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/swiftlet"
  }

  func run(_ arguments: String..., input: String = "") throws -> ChildProcess.Result {
    try run(arguments, input: input)
  }

  func run(_ arguments: [String], input: String = "") throws -> ChildProcess.Result {
    // A port of its own for the API: labs that start at the same moment would find the same one free.
    var arguments = arguments
    if arguments.prefix(2) == ["lab", "up"], let letter = lab.utf8.first {
      arguments.insert(contentsOf: ["--api-port", String(20000 + Int(getpid()) % 1000 * 26 + Int(letter) % 26)], at: 2)
    }
    return try ChildProcess.run([path] + arguments, input: Array(input.utf8), environment: environment, timeout: 300)
  }

  /// Ours, with the name of the lab.
  var environment: [String: String] {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin"
    return ["PATH": path, "SWIFTLET_LAB": lab]
  }

  /// A command in a node's own network.
  func onNode(_ node: String, _ command: String...) throws -> ChildProcess.Result {
    try ChildProcess.run(command, namespace: try NetworkNamespace(path: site.namespacePath(node)), timeout: 30)
  }

  /// The pod that answers a request from inside another pod; nil if none does within so many seconds.
  func answer(_ client: String, _ url: String, within seconds: Int = 1) throws -> String? {
    let result = try run("lab", "exec", client, "--", "curl", "-s", "-m", String(seconds), url)
    return try? JSON(parsing: result.standardOutput)["pod"].string
  }

  /// kubectl of KUBECTL, or of the PATH.
  func kubectl(_ arguments: String..., input: String = "") throws -> ChildProcess.Result {
    let kubectl = getenv("KUBECTL").map { String(cString: $0) } ?? "kubectl"
    let result = try ChildProcess.run(
      [kubectl, "--kubeconfig", site.kubeconfig, "--cache-dir", "/tmp/swt-lab-kubectl"] + arguments,
      input: Array(input.utf8), timeout: 60)
    if !result.status.isSuccess { print("kubectl \(arguments): \(result.output)\(result.errorOutput)") }
    return result
  }

  func json(_ arguments: String...) throws -> JSON {
    let kubectl = getenv("KUBECTL").map { String(cString: $0) } ?? "kubectl"
    let answer = try ChildProcess.run(
      [kubectl, "--kubeconfig", site.kubeconfig, "--cache-dir", "/tmp/swt-lab-kubectl"] + arguments + ["-o", "json"],
      timeout: 60)
    return try JSON(parsing: answer.standardOutput)
  }

  /// Asks again and again; records an issue if it never becomes true.
  func eventually(_ what: String, _ condition: () throws -> Bool) throws {
    for _ in 0..<300 {
      if (try? condition()) == true { return }
      usleep(200_000)
    }
    Issue.record("never came true: \(what)")
  }

  /// Ends a process of the lab at once, as a crash would.
  func kill(_ name: String) throws {
    let table = try #require(ProcessTable(path: site.processesFile))
    let identity = name == "supervisor" ? table.supervisor : table.processes[name]?.identity
    guard let handle = identity.flatMap({ ProcessHandle($0) }) else { return }
    handle.signal(SIGKILL)
    _ = handle.wait(timeout: 10)
  }

  /// Whatever of a lab is still on the machine.
  func remains() throws -> [String] {
    var found: [String] = []
    found += ((try? Files.list("/run/netns")) ?? []).filter { $0.hasPrefix(site.namespacePrefix) }
    if Files.exists(site.root) { found.append(site.root) }
    found += try ChildProcess.run(["ip", "-o", "link"]).output.split(separator: "\n").map(String.init)
      .filter { $0.contains(site.namespacePrefix) }
    found += try Files.readText("/proc/self/mounts").split(separator: "\n").map(String.init)
      .filter { $0.contains(site.namespacePrefix) || $0.contains(site.root) }
    if let group = LabInventory.group(site), group.exists { found.append("control group \(group)") }
    // The lab starts its processes by the path without symbolic links.
    let resolved = realpath(path, nil)
    defer { free(resolved) }
    let real = resolved.map { String(cString: $0) } ?? path
    for entry in try Files.list("/proc") where Int(entry) != nil {
      guard let command = try? Files.readText("/proc/\(entry)/cmdline"),
        let program = command.split(separator: "\0").first,
        // Of this build and this lab: others may stand beside it. Sandboxes and stand-ins may be other tests'; those of
        // the lab were in its control group, which cannot go before they have.
        program == real || command.contains(site.root),
        let variables = try? Files.readText("/proc/\(entry)/environ"),
        variables.split(separator: "\0").contains("SWIFTLET_LAB=\(lab)")
      else { continue }
      found.append(command.replacing("\0", with: " "))
    }
    return found
  }
}
