import Addressing
import Glibc
import JSON
import Linux
import Netlink
import Synchronization
import Testing

@testable import PodNetwork

/// The plugin is killed at any moment; whoever comes next cleans up.
@Suite(.serialized) struct InterruptionKernelTests {
  /// What there is of attachments: the container of each, in every place where one can leave something.
  private func inventory(_ node: TestNode) throws -> (leases: [String], links: [String], ports: [String]) {
    let leases = try LeaseStore(dataDirectory: node.directory, network: "swiftlet").leases().map(\.holder.containerID)
    let routes = try RouteSocket(namespace: node.namespace)
    let links = try routes.links().filter { $0.kind == "veth" || $0.kind == "ifb" }
      .map { $0.alias.flatMap(PodLink.attachment(alias:))?.containerID ?? $0.name }
    return (leases, links, try HostPorts(node: node.namespace).entries().map(\.owner.containerID))
  }

  @Test func twoHundredAtOnceAndSomeAreKilled() throws {
    let node = try TestNode(["10.244.0.0/22", "fd00:1::/64"])
    let count = 200
    let pods = try (0..<count).map { try node.pod("pod-\($0)") }
    let plugin = try TestNode.plugin()
    let (namespace, directory) = (node.namespace, node.directory)
    // One in four has a host port and limits, so that there is more to leave behind.
    let inputs = (0..<count).map { index in
      var input = node.configuration.request()
      if index % 4 == 0 {
        input["runtimeConfig"] = [
          "portMappings": [["hostPort": .int(Int64(10000 + index)), "containerPort": 80]],
          "bandwidth": ["ingressRate": 1_000_000, "egressRate": 1_000_000],
        ]
      }
      return input.bytes()
    }
    let succeeded = Mutex<Set<Int>>([])
    let answers = Mutex<[String]>([])
    /// Runs one call, and kills it after so many microseconds; true if it ended well.
    @Sendable func run(_ command: String, _ index: Int, killAfter: UInt32?) -> Bool {
      let environment = pods[index].environment.merging(["CNI_COMMAND": command]) { $1 }
      guard let killAfter else {
        guard
          let result = try? ChildProcess.run(
            [plugin], input: inputs[index], environment: environment, namespace: namespace, timeout: 120)
        else { return false }
        if !result.status.isSuccess { answers.withLock { $0.append("\(command) \(index): \(result.output)") } }
        return result.status.isSuccess
      }
      guard let file = try? FileDescriptor.open("\(directory)/in-\(index)", O_RDONLY),
        let child = try? ChildProcess(
          [plugin], environment: environment, standardInput: .descriptor(file.raw), standardOutput: .null,
          standardError: .null, namespace: namespace)
      else { return false }
      usleep(killAfter)
      child.signal(SIGKILL)
      return child.wait()?.isSuccess ?? false
    }
    for index in 0..<count { try Files.write("\(directory)/in-\(index)", inputs[index]) }

    var generator = SystemRandomNumberGenerator()
    let plans = (0..<count).map { _ in
      (0..<3).map { _ in Bool.random(using: &generator) ? UInt32.random(in: 0..<40_000, using: &generator) : nil }
    }
    // 200 threads: ADD, for some of them DEL and ADD again, each killed or not.
    let threads = (0..<count).map { index in
      Linux.Thread("pod \(index)") {
        var isUp = run("ADD", index, killAfter: plans[index][0])
        if index % 3 == 0 || !isUp {
          // A runtime deletes what it could not add, and that may be killed too.
          _ = run("DEL", index, killAfter: plans[index][1])
          isUp = false
          if run("DEL", index, killAfter: nil) { isUp = run("ADD", index, killAfter: plans[index][2]) }
        }
        if isUp { succeeded.withLock { _ = $0.insert(index) } }
      }
    }
    for thread in threads { thread.join() }
    #expect(answers.withLock { $0 } == [], "calls that were not killed failed")

    // Those that are up have one address a family, a link, and no one else's.
    let up = succeeded.withLock { $0 }
    let before = try inventory(node)
    for index in up {
      #expect(before.leases.count { $0 == "pod-\(index)" } == 2, "pod-\(index)")
      #expect(before.links.contains("pod-\(index)"))
      #expect(before.ports.count { $0 == "pod-\(index)" } == (index % 4 == 0 ? 2 : 0), "pod-\(index)")
    }
    // GC with those: nothing of the killed is left, and every lease is accounted for.
    let valid: JSON = .array(up.sorted().map { ["containerID": .string("pod-\($0)"), "ifname": "eth0"] })
    let collected = try node.call("GC", [:]) { $0["cni.dev/valid-attachments"] = valid }
    #expect(collected.status == 0, "\(collected.output)")
    let after = try inventory(node)
    let names = Set(up.map { "pod-\($0)" })
    #expect(Set(after.leases) == names && after.leases.count == 2 * names.count)
    let shaped = up.filter { $0 % 4 == 0 }.count
    #expect(after.links.count == names.count + shaped, "\(after.links.filter { !names.contains($0) })")
    #expect(Set(after.ports).isSubset(of: names))
    #expect(try node.json("ip -j link show master cni0").elements.count == names.count)
    // DEL of all, also of those that never were: the node is as empty as at first.
    for index in 0..<count { #expect(run("DEL", index, killAfter: nil)) }
    let empty = try inventory(node)
    #expect(empty.leases.isEmpty && empty.links.isEmpty && empty.ports.isEmpty, "\(empty)")
    #expect(answers.withLock { $0 } == [])
  }

  @Test func aNamespaceThatIsGone() throws {
    let node = try TestNode()
    let path = "/run/netns/swt-cni-\(getpid())"
    try Files.makeDirectories("/run/netns")
    let namespace = try NetworkNamespace.create(boundTo: path)
    defer { try? NetworkNamespace.remove(path: path) }
    let environment = ["CNI_CONTAINERID": "gone", "CNI_NETNS": path, "CNI_IFNAME": "eth0"]
    let added = try node.call("ADD", environment) { json in
      json["runtimeConfig"] = [
        "portMappings": [["hostPort": 80, "containerPort": 80]], "bandwidth": ["egressRate": 1_000_000],
      ]
    }
    #expect(added.status == 0, "\(added.output)")
    try NetworkNamespace.remove(path: path)
    withExtendedLifetime(namespace) {}
    let check = try node.call("CHECK", environment, previousResult: added.output)
    #expect(check.output["code"] == 8 && check.output["msg"].string?.contains(path) == true, "\(check.output)")
    for _ in 0..<2 { #expect(try node.call("DEL", environment, previousResult: added.output).status == 0) }
    let left = try inventory(node)
    #expect(left.leases.isEmpty && left.links.isEmpty && left.ports.isEmpty, "\(left)")
  }
}
