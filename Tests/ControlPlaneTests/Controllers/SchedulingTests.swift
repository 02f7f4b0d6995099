import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct SchedulingTests {
  typealias Candidate = SchedulingDecision.Candidate

  /// However much pods ask for: sums are the largest number at most.
  @Test func amountsOfAnySize() {
    let container: JSON = ["resources": ["requests": ["cpu": "9e14"]]]
    let spec: JSON = ["containers": .array(Array(repeating: container, count: 20))]
    #expect(PodRequests.thousandths(spec) == ["cpu": .max])
  }

  @Test func spreadsByOwnerThenByCount() {
    let nodes = ["a", "b", "c"].map { Samples.node($0) }
    var running: [KubernetesObject] = [Samples.pod("other", node: "a", owner: "z")]
    var chosen: [String] = []
    for number in 0..<6 {
      let pod = Samples.pod("p\(number)", owner: "rs")
      let candidates = nodes.map { node in
        Candidate(node: node, pods: running.filter { $0.nodeName == node.name })
      }
      guard case .node(let name) = SchedulingDecision.choose(pod, candidates) else {
        Issue.record("not scheduled")
        return
      }
      chosen.append(name)
      running.append(Samples.pod("p\(number)", node: name, owner: "rs"))
    }
    #expect(chosen == ["b", "c", "a", "b", "c", "a"])
  }

  @Test(
    arguments: [
      (JSON.object(.init()), "b"), (["nodeSelector": ["disk": "ssd"]], "c"),
      (["tolerations": [["operator": "Exists"]], "nodeSelector": ["role": "control"]], "a"),
      (
        [
          "tolerations": [
            ["key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"]
          ]
        ], "a"
      ),
      (
        [
          "affinity": [
            "nodeAffinity": [
              "requiredDuringSchedulingIgnoredDuringExecution": [
                "nodeSelectorTerms": [["matchFields": [["key": "metadata.name", "operator": "In", "values": ["c"]]]]]
              ]
            ]
          ]
        ], "c"
      ),
      (["containers": [["resources": ["requests": ["cpu": "1500m"]]]]], "c"),
      (["containers": [["ports": [["hostPort": 80, "containerPort": 80]]]]], "c"),
    ] as [(JSON, String)])
  func wishes(spec: JSON, expected: String) {
    let candidates = [
      Candidate(
        node: Samples.node(
          "a", labels: ["role": "control"],
          taints: [Samples.taint("node-role.kubernetes.io/control-plane", "NoSchedule")]), pods: []),
      Candidate(
        node: Samples.node("b", allocatable: ["cpu": "1"]),
        pods: [
          Samples.pod(
            "x", node: "b", spec: ["containers": [["ports": [["hostPort": 80, "containerPort": 1]]]]])
        ]),
      Candidate(
        node: Samples.node("c", labels: ["disk": "ssd"], allocatable: ["cpu": "4"]),
        pods: [Samples.pod("y", node: "c"), Samples.pod("z", node: "c")]),
    ]
    #expect(SchedulingDecision.choose(Samples.pod("p", spec: spec), candidates) == .node(expected))
  }

  @Test func refusalsAreCounted() {
    var cordoned = Samples.node("a")
    cordoned.spec["unschedulable"] = true
    let candidates = [
      cordoned, Samples.node("b", taints: [Samples.taint("k", "NoExecute", value: "v")]),
      Samples.node("c", taints: [Samples.taint("k", "NoExecute", value: "v")]),
      Samples.node("d", allocatable: ["pods": "0"]),
    ].map { Candidate(node: $0, pods: []) }
    #expect(
      SchedulingDecision.choose(Samples.pod("p"), candidates)
        == .none([
          "node(s) were unschedulable": 1, "node(s) had untolerated taint {k: v}": 2, "Too many pods": 1,
        ]))
    let device = Samples.pod("p", spec: ["containers": [["resources": ["requests": ["gpu": 1]]]]])
    #expect(
      SchedulingDecision.choose(device, [Candidate(node: Samples.node("a"), pods: [])])
        == .none(["Insufficient gpu": 1]))
  }

  @Test(
    arguments: [
      (["key": "k", "operator": "Exists"], true), (["key": "k", "value": "v"], true),
      (["key": "k", "value": "w"], false),
      (["operator": "Exists"], true), (["key": "k", "operator": "Exists", "effect": "NoExecute"], false),
      (["key": "k", "operator": "Exists", "effect": "NoSchedule"], true), (["key": "j", "operator": "Exists"], false),
      (["key": "", "operator": "Equal"], false),
    ] as [(JSON, Bool)])
  func tolerations(toleration: JSON, expected: Bool) {
    #expect(Tolerations.tolerates(toleration, Samples.taint("k", "NoSchedule", value: "v")) == expected)
  }

  @Test(
    arguments: [
      ("In", ["a", "b"], true), ("In", ["c"], false), ("NotIn", ["c"], true), ("NotIn", ["a"], false),
      ("Exists", [], true), ("DoesNotExist", [], false),
    ] as [(String, [String], Bool)])
  func affinityOperators(operation: String, values: [String], expected: Bool) {
    let node = Samples.node("n", labels: ["x": "a", "size": "5"])
    let term: JSON = [
      "matchExpressions": [
        ["key": "x", "operator": .string(operation), "values": .array(values.map { .string($0) })]
      ]
    ]
    #expect(NodeAffinity.matches(term, node, node.labels) == expected)
    let bigger: JSON = ["matchExpressions": [["key": "size", "operator": "Gt", "values": ["4"]]]]
    #expect(NodeAffinity.matches(bigger, node, node.labels))
    #expect(!NodeAffinity.matches([:], node, node.labels))
  }
}
