internal import Addressing
internal import ClusterModel
internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux

/// Pods and nodes among one another.
enum PodChecks {
  static let all = [
    Check("pod to pod on one node", oneNode),
    Check("pod to pod across nodes, the receiver sees the sender's own address", acrossNodes),
    Check("node to pod", nodeToPod),
    Check("the containers of a pod share loopback", loopback),
    Check("a killed container comes back with the pod's addresses unchanged", once: true, killedContainer),
  ]

  private static func oneNode(_ context: CheckContext) throws -> Check.Outcome {
    let pairs = CheckContext.pairsOnOneNode(try context.members())
    try expect(
      !pairs.isEmpty, "two ready check pods on a node", seen: "none",
      look: "kubectl -n \(CheckFixture.namespace) get pods -o wide")
    return try connect(context, pairs)
  }

  private static func acrossNodes(_ context: CheckContext) throws -> Check.Outcome {
    let pairs = CheckContext.pairsAcrossNodes(try context.members())
    if context.workers.count < 2 { return .notApplicable("one node runs pods") }
    try expect(
      !pairs.isEmpty, "ready check pods on two nodes", seen: "none",
      look: "kubectl -n \(CheckFixture.namespace) get pods -o wide")
    return try connect(context, pairs)
  }

  /// Each first asks its second, which must see the first's own pod address.
  private static func connect(
    _ context: CheckContext, _ pairs: [(CheckContext.Member, CheckContext.Member)]
  ) throws -> Check.Outcome {
    let probes = context.probes
    let failures = try concurrentMap(pairs) { (from, to) -> Check.Failure? in
      let result = try probes.http(.pod(from.pod), "\(to.address)", CheckFixture.port)[0]
      if result.isOK, result.pod == to.name, result.client == "\(from.address)" { return nil }
      return Check.Failure(
        expected:
          "\(from.name) (\(from.address)) to reach \(to.name) (\(to.address)) on port \(CheckFixture.port), and "
          + "to be seen there with its own address",
        seen: result.text,
        look: from.node == to.node
          ? "swiftlet lab exec node:\(from.node) -- ip route; nft list table inet swiftlet-policy; "
            + "swiftlet lab logs lab:agent-\(from.node)"
          : "swiftlet lab exec node:\(from.node) -- ip route; ip -6 route; "
            + "swiftlet lab logs lab:agent-\(from.node)")
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return .passed("\(pairs.count) pairs")
  }

  private static func nodeToPod(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    let probes = context.probes
    let pairs = context.workers.flatMap { node in members.map { (node.name, $0) } }
      // Every pod from its own node, and those of role a from the others.
      .filter { $0.0 == $0.1.node || $0.1.role == "a" }
    let failures = try concurrentMap(pairs) { (node, to) -> Check.Failure? in
      let result = try probes.http(.node(node), "\(to.address)", CheckFixture.port)[0]
      if result.isOK, result.pod == to.name { return nil }
      return Check.Failure(
        expected: "node \(node) to reach \(to.name) (\(to.address)) on node \(to.node)", seen: result.text,
        look: "swiftlet lab exec node:\(node) -- ip route get \(to.address)")
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return .passed("\(pairs.count) pairs")
  }

  private static func loopback(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    let probes = context.probes
    let address = context.family == .v4 ? "127.0.0.1" : "::1"
    let failures = try concurrentMap(members) { member -> Check.Failure? in
      for (port, container) in [(CheckFixture.port, "main"), (CheckFixture.privatePort, "second")] {
        let result = try probes.http(.pod(member.pod), address, port)[0]
        if !result.isOK || result.pod != member.name || result.container != container {
          return Check.Failure(
            expected: "\(address) port \(port) inside \(member.name) to be container \(container)",
            seen: result.isOK ? "container \(result.container) of pod \(result.pod)" : result.text,
            look: "swiftlet lab exec \(member.pod.key) -- ss -tlnp")
        }
      }
      return nil
    }
    if let failure = failures.compactMap({ $0 }).first { throw failure }
    return .passed("\(members.count) pods of two containers")
  }

  private static func killedContainer(_ context: CheckContext) throws -> Check.Outcome {
    let members = try context.members()
    guard let member = members.first(where: { $0.role == "a" }), let process = member.pod.directory.process("main"),
      let handle = ProcessHandle(process)
    else {
      throw Check.Failure(
        expected: "a check pod whose container main runs", seen: "none",
        look: "kubectl -n \(CheckFixture.namespace) get pods -o wide")
    }
    let look = "swiftlet lab logs lab:runtime-\(member.node)"
    func restarts() throws -> (count: Int, addresses: [IPAddress], isReady: Bool) {
      let pod = try context.client.get(.pods, namespace: CheckFixture.namespace, name: member.name)
      let status = pod.status["containerStatuses"].elements.first { $0["name"].string == "main" } ?? .null
      return (status["restartCount"].int ?? 0, CheckContext.addresses(pod), pod.isTrue("Ready"))
    }
    let (before, addresses, _) = try restarts()
    handle.signal(SIGKILL)
    let isBack = try context.wait(15) {
      let now = try restarts()
      return now.count > before && now.isReady
    }
    let now = try restarts()
    try expect(
      isBack, "container main of \(member.name) to be started again and ready",
      seen: "\(now.count - before) restarts, ready: \(now.isReady)", look: look)
    try expect(now.addresses == addresses, "addresses \(addresses)", seen: "\(now.addresses)", look: look)
    let client = members.first { $0.node != member.node } ?? member
    let result = try context.probes.http(.pod(client.pod), "\(member.address)", CheckFixture.port)[0]
    try expect(
      result.isOK && result.pod == member.name, "\(member.name) to answer at \(member.address) again",
      seen: result.text, look: look)
    return .passed("\(member.name) at \(member.address)")
  }
}
