import Glibc
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// What becomes of nodes in trouble and of the pods on them.
@Suite struct NodeTroubleTests {
  static let now = Timestamp("2026-01-01T01:00:00Z")!

  static func node(_ ready: String, taints: [JSON] = [], conditions: [String] = []) -> KubernetesObject {
    var node = Samples.node("n", taints: taints)
    node.status["conditions"] = .array(
      [["type": "Ready", "status": .string(ready)]] + conditions.map { ["type": .string($0), "status": "True"] })
    return node
  }

  @Test(
    arguments: [
      ("True", true, []), ("False", true, ["not-ready:NoSchedule", "not-ready:NoExecute"]),
      ("Unknown", true, ["unreachable:NoSchedule", "unreachable:NoExecute"]),
      // Nobody is driven from a node while no node is ready.
      ("Unknown", false, ["unreachable:NoSchedule"]),
    ] as [(String, Bool, [String])])
  func taints(status: String, evicts: Bool, expected: [String]) {
    let foreign = Samples.taint("own", "NoExecute")
    let before = [
      foreign, Samples.taint("node.kubernetes.io/not-ready", "NoExecute"),
      Samples.taint("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ]
    let taints = NodeTaints.wanted(Self.node(status, taints: before), status: status, evicts: evicts, now: Self.now)
    let shown = taints.map { "\($0["key"].string ?? ""):\($0["effect"].string ?? "")" }
    #expect(Set(shown) == Set(expected.map { "node.kubernetes.io/\($0)" } + ["own:NoExecute"]))
    var again = Self.node(status)
    again.spec["taints"] = .array(taints)
    #expect(NodeTaints.wanted(again, status: status, evicts: evicts, now: Self.now.adding(seconds: 9)) == taints)
  }

  @Test func troublesAreTaints() {
    var node = Self.node("True", conditions: ["DiskPressure", "NetworkUnavailable"])
    node.spec["unschedulable"] = true
    let taints = NodeTaints.wanted(node, status: "True", evicts: true, now: Self.now)
    #expect(
      taints.compactMap { $0["key"].string } == [
        "node.kubernetes.io/unschedulable", "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/network-unavailable",
      ])
    #expect(taints.allSatisfy { $0["effect"] == "NoSchedule" })
  }

  @Test(
    arguments: [
      ([], .stays), ([["key": "k", "operator": "Exists"]], .stays),
      ([["key": "other", "operator": "Exists"]], .leaves(after: 0)),
      ([["key": "k", "operator": "Exists", "tolerationSeconds": 30]], .leaves(after: 20)),
      ([["key": "k", "operator": "Exists", "tolerationSeconds": 5]], .leaves(after: 0)),
      ([["operator": "Exists"], ["key": "k", "operator": "Exists", "tolerationSeconds": 60]], .leaves(after: 50)),
      ([["key": "k", "operator": "Exists", "effect": "NoSchedule"]], .leaves(after: 0)),
    ] as [([JSON], TaintEviction)])
  func evictions(tolerations: [JSON], expected: TaintEviction) {
    let taints = tolerations.isEmpty ? [Samples.taint("k", "NoSchedule")] : [Samples.taint("k", "NoExecute")]
    let decision = TaintEviction(taints: taints, tolerations: tolerations, now: Self.now) { _ in
      Self.now.adding(seconds: -10)
    }
    #expect(decision == expected)
  }

  private func setReady(_ cluster: ClusterFixture, _ node: String, _ time: String) throws {
    try cluster.client.patch(
      .nodes, name: node, .strategicMerge,
      ["status": ["conditions": [["type": "Ready", "status": "True", "lastHeartbeatTime": .string(time)]]]],
      subresource: "status")
  }

  /// A node falls silent: its endpoints are withdrawn, its pods leave after their tolerated time and come up elsewhere; it
  /// comes back and may have pods again.
  @Test func podsLeaveASilentNode() throws {
    var options = ControllerOptions()
    options.nodeGracePeriod = 3
    let cluster = try ClusterFixture(nodes: ["n1", "n2"], options: options)
    defer { cluster.stop() }
    let tolerated = "{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}"
    try cluster.apply(
      ClusterTests.deployment(4).replacing("spec: {containers", with: "spec: {tolerations: [\(tolerated)], containers")
        + "\n" + ClusterTests.service)
    func nodes() throws -> [String: Int] {
      Dictionary(grouping: try cluster.list(.pods, "app=web").filter { $0.isActive && $0.isReady }) {
        $0.nodeName ?? ""
      }.mapValues(\.count)
    }
    var beat = 0
    func heartbeat(_ names: [String]) throws {
      beat += 1
      for name in names { try setReady(cluster, name, Timestamp.now().adding(seconds: Double(beat)).description) }
    }
    try cluster.eventually("on both") {
      try heartbeat(["n1", "n2"])
      return try nodes() == ["n1": 2, "n2": 2]
    }
    try cluster.eventually("all on the one that speaks") {
      try heartbeat(["n1"])
      return try nodes() == ["n1": 4]
    }
    try cluster.eventually("endpoints on no other node are ready") {
      try heartbeat(["n1"])
      let slices = try cluster.list(.endpointSlices, "kubernetes.io/service-name=web")
      let ready = slices.flatMap { $0.json["endpoints"].elements }.filter { $0["conditions", "ready"] == true }
      return ready.count == 4 && ready.allSatisfy { $0["nodeName"] == "n1" }
    }
    try cluster.eventually("it is told") {
      try heartbeat(["n1"])
      return try cluster.list(.events).contains { $0.json["reason"] == "TaintManagerEviction" }
    }
    let lost = try cluster.client.get(.nodes, name: "n2")
    #expect(lost.condition("Ready")["status"] == "Unknown")
    try cluster.eventually("it is back, without taints") {
      try heartbeat(["n1", "n2"])
      return try cluster.client.get(.nodes, name: "n2").spec["taints"].elements.isEmpty
    }
    try cluster.client.patch(
      .deployments, namespace: "default", name: "web", .merge, ["spec": ["replicas": 8]])
    try cluster.eventually("and gets pods again") {
      try heartbeat(["n1", "n2"])
      return try nodes()["n2"] ?? 0 >= 3
    }
  }
}
