import Addressing
import Glibc
import JSON
import Kubernetes
import Linux
import Testing

@testable import Lab

/// Nodes that come, go, are switched off and cut off, and another way between nodes, in a lab of both families; packets
/// between pods tell.
@Suite(.serialized) struct LabNodesKernelTests {
  private let program: Program

  init() throws { program = try Program("n") }

  /// A stand-in on a node of its choice.
  private func pod(_ name: String, on node: String) throws {
    let pod: JSON = [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)],
      "spec": [
        "nodeName": .string(node), "terminationGracePeriodSeconds": 0,
        "containers": [["name": "main", "image": "example/any", "ports": [["containerPort": 8080]]]],
      ],
    ]
    try #require(try program.run("lab", "apply", "-f", "-", input: pod.description).status.isSuccess)
    try program.eventually("\(name) is ready") { try urls(name).count == 2 && isReady(name) }
  }

  private func object(_ name: String) throws -> KubernetesObject {
    try LabAccess.client(program.site).get(.pods, namespace: "default", name: name)
  }

  private func isReady(_ name: String) throws -> Bool { try object(name).isTrue("Ready") }

  /// Where a pod answers, a URL a family.
  private func urls(_ name: String) throws -> [String] {
    try CheckContext.addresses(object(name)).map { "http://\(AddressAndPort($0, 8080))/" }
  }

  private func expectReached(_ name: String, from client: String, _ isReached: Bool = true) throws {
    for url in try urls(name) {
      // A pod is closed until its node's agent has heard of it, a moment after it is ready: TCP tries again.
      let answer = try program.answer(client, url, within: isReached ? 10 : 1)
      #expect(answer == (isReached ? name : nil), "\(client) asked \(url) of \(name)")
    }
  }

  /// Routes of a node that lead to pods of others, both families.
  private func routes(_ node: String) throws -> Set<String> {
    var found: Set<String> = []
    for family in ["-4", "-6"] {
      let text = try program.onNode(node, "ip", "-j", family, "route", "show", "proto", "87").standardOutput
      for route in try JSON(parsing: text).elements where route["dev"] != "lo" && route["type"] != "blackhole" {
        if let range = route["dst"].string { found.insert(range) }
      }
    }
    return found
  }

  private func node(_ name: String) throws -> KubernetesObject? {
    try LabAccess.client(program.site).find(.nodes, name: name)
  }

  private func command(_ words: String...) throws -> String {
    let result = try program.run(["lab"] + words)
    #expect(result.status.isSuccess, "lab \(words): \(result.output)\(result.errorOutput)")
    return result.output
  }

  @Test func nodesComeAndGoWithTheirPackets() throws {
    defer { _ = try? program.run("lab", "down") }
    let up = try program.run("lab", "up", "--nodes", "2", "--family", "46", "--skip-checks")
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    try pod("one", on: "node1")
    try pod("two", on: "node2")
    try expectReached("two", from: "one")

    try add()
    try partition()
    try kill()
    try remove()
    let check = try program.run("lab", "check")
    #expect(check.status.isSuccess, "\(check.output)")
    #expect(try program.run("lab", "down").status.isSuccess)
    let left = try program.remains()
    #expect(left == [])
  }

  private func add() throws {
    #expect(try command("node", "add").contains("node3 (192.168.77.13, fd00:192:168:77::d) is ready"))
    try pod("three", on: "node3")
    try expectReached("three", from: "one")
    try expectReached("one", from: "three")
    let again = try program.run("lab", "node", "add", "node3")
    #expect(!again.status.isSuccess && again.errorOutput.contains("there is such a node already"))
  }

  private func partition() throws {
    let before = ProcessTable(path: program.site.processesFile)?.processes["agent-node3"]?.identity
    _ = try command("node", "partition", "node3")
    try expectReached("three", from: "one", false)
    // The node goes on: what is on it still has a network.
    let own = try #require(try urls("three").first)
    #expect(try program.answer("three", own) == "three")
    #expect(ProcessTable(path: program.site.processesFile)?.processes["agent-node3"]?.identity == before)
    #expect(try program.run("lab", "status").output.contains("node node3 is cut off"))
    _ = try command("node", "partition", "node3", "--heal")
    try program.eventually("the other side of the partition is reached again") {
      try urls("three").allSatisfy { try program.answer("one", $0) == "three" }
    }
  }

  private func kill() throws {
    let sandbox = try LabPod.find(program.site, ObjectKey("default", "two")).sandbox
    _ = try command("node", "kill", "node2")
    #expect(ProcessHandle(sandbox) == nil, "a pod of the killed node lives")
    #expect(try LabInventory.group(program.site, node: "node2")?.processes() == [])
    let link = try program.onNode("fabric", "ip", "-j", "link", "show", "node2")
    #expect(try JSON(parsing: link.standardOutput)[0]["operstate"] == "DOWN")
    try expectReached("two", from: "one", false)
    #expect(try node("node2") != nil, "the Node stays")
    #expect(try program.run("lab", "node", "kill", "node2").errorOutput.contains("killed already"))
    try program.eventually("the killed node is not ready") { try node("node2")?.isTrue("Ready") == false }
    #expect(try program.run("lab", "status").output.contains("NotReady, killed"))

    _ = try command("node", "start", "node2")
    try program.eventually("the pod of the node that was off runs again") {
      guard try isReady("two"), try object("two").status["containerStatuses"][0]["restartCount"].int ?? 0 > 0 else {
        return false
      }
      return try urls("two").allSatisfy { try program.answer("one", $0) == "two" }
    }
  }

  private func remove() throws {
    let ranges = try #require(try node("node3")).spec["podCIDRs"].elements.compactMap(\.string)
    #expect(ranges.count == 2)
    #expect(try routes("node1").isSuperset(of: ranges))
    let formerly = try KubeConfig(file: program.site.nodeKubeconfig("node3"))
    _ = try command("node", "remove", "node3")
    #expect(try node("node3") == nil)
    #expect(!Files.exists(program.site.namespacePath("node3")))
    #expect(throws: APIStatus.self) { try object("three") }
    for other in ["node1", "node2", "control"] {
      try program.eventually("\(other) forgets the routes to node3") { try routes(other).isDisjoint(with: ranges) }
    }
    var config = try KubeConfig(file: program.site.kubeconfig)
    config.token = formerly.token
    let status = #expect(throws: APIStatus.self) {
      try APIClient(HTTPTransport(config), fieldManager: "test").list(.nodes)
    }
    #expect(status?.code == 401, "the token of a node that was removed lets nobody in")
    // Another node takes the address, and perhaps the range, of the one that is gone.
    #expect(try command("node", "add", "later").contains("192.168.77.13"))
    try pod("three", on: "later")
    try expectReached("three", from: "one")
    let control = try program.run("lab", "node", "remove", "control")
    #expect(!control.status.isSuccess && control.errorOutput.contains("runs the control plane"))
  }

  /// While a pod asks another across nodes, all the time and in both families, the lab turns from VXLAN to plain routes and
  /// back: what is lost on the way is counted.
  @Test func anotherWayBetweenNodesWhileTrafficGoesOn() throws {
    defer { _ = try? program.run("lab", "down") }
    let up = try program.run("lab", "up", "--nodes", "2", "--family", "46", "--skip-checks")
    try #require(up.status.isSuccess, "\(up.output)\(up.errorOutput)")
    try pod("one", on: "node1")
    try pod("two", on: "node2")
    let targets = try CheckContext.addresses(object("two"))
    let output = "/tmp/swt-lab-switch.\(getpid())"
    defer { for target in targets { unlink("\(output).\(target.family.name)") } }
    let pings = try targets.map { target in
      let file = try FileDescriptor.open(
        "\(output).\(target.family.name)", O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
      return try ChildProcess(
        [program.path, "lab", "exec", "one", "--", "ping", "-i", "0.01", "-q", "\(target)"],
        environment: program.environment, standardOutput: .descriptor(file.raw), standardError: .descriptor(file.raw))
    }
    sleep(1)
    for mode in ["host-gw", "vxlan"] {
      _ = try command("routing", mode)
      // The route says which way it is; the last node's peers follow what it announces.
      try program.eventually("node1 reaches node2 by \(mode)") {
        let route = try program.onNode("node1", "ip", "-j", "route", "get", "\(targets[0])")
        return try JSON(parsing: route.standardOutput)[0]["dev"].string == (mode == "vxlan" ? "swiftlet.1" : "eth0")
      }
      #expect(try program.run("lab", "status").output.contains("routing \(mode),"))
      try expectReached("two", from: "one")
      sleep(1)
    }
    for (target, ping) in zip(targets, pings) {
      ping.signal(SIGINT)
      _ = ping.wait(timeout: 10)
      let said = try Files.readText("\(output).\(target.family.name)")
      // `412 packets transmitted, 412 received, …`
      let numbers =
        said.split(separator: "\n").first { $0.contains("packets transmitted") }?
        .split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) } ?? []
      try #require(numbers.count >= 2, "\(said)")
      #expect(numbers[0] > 200, "\(said)")
      #expect(numbers[0] - numbers[1] <= 1, "\(target.family.name): lost \(numbers[0] - numbers[1]) of \(numbers[0])")
      print("lab routing, \(target.family.name): lost \(numbers[0] - numbers[1]) of \(numbers[0]) packets")
    }
  }
}
