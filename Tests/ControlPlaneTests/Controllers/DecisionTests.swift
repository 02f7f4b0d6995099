import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct DecisionTests {
  typealias State = GarbageDecision.OwnerState

  @Test(
    arguments: [
      ([], false, GarbageDecision.keep), ([State.solid], false, .keep), ([.absent], true, .delete(foreground: false)),
      ([.solid, .absent], false, .dropOwners(["1"])), ([.waiting], true, .delete(foreground: true)),
      ([.waiting], false, .delete(foreground: false)), ([.solid, .waiting], true, .dropOwners(["1"])),
      ([.absent, .waiting], true, .delete(foreground: true)), ([.absent, .absent], false, .delete(foreground: false)),
    ] as [([State], Bool, GarbageDecision)])
  func garbage(states: [State], hasDependents: Bool, expected: GarbageDecision) {
    let owners = states.enumerated().map { (uid: String($0.offset), state: $0.element) }
    #expect(GarbageDecision.decide(owners, hasDependents: hasDependents) == expected)
  }

  @Test func deletionOrder() {
    let pods = [
      Samples.pod("ready-old", node: "a", owner: "r"), Samples.pod("unready", node: "a", ready: false, owner: "r"),
      Samples.pod("pending", node: "a", phase: "Pending", ready: false, owner: "r"),
      Samples.pod("unassigned", phase: "Pending", ready: false, owner: "r"),
      Samples.pod("alone", node: "b", owner: "r"),
    ]
    #expect(
      PodDeletionOrder(pods, related: pods).first(5).map(\.name)
        == ["unassigned", "pending", "unready", "ready-old", "alone"])
    var cheap = Samples.pod("cheap", node: "b", owner: "r")
    cheap.annotations["controller.kubernetes.io/pod-deletion-cost"] = "-5"
    #expect(PodDeletionOrder(pods + [cheap], related: pods).first(4).last?.name == "cheap")
  }

  @Test func daemonsOnEveryNodeTheyAreFor() {
    var set = KubernetesObject(.daemonSets, namespace: "default", name: "d")
    set.spec["template", "spec"] = ["nodeSelector": ["os": "linux"]]
    let linux = ["os": "linux"]
    let nodes = [
      Samples.node("a", labels: linux), Samples.node("b", labels: linux), Samples.node("c"),
      Samples.node("d", labels: linux, taints: [Samples.taint("k", "NoSchedule")]),
      Samples.node("e", labels: linux, taints: [Samples.taint("node.kubernetes.io/not-ready", "NoExecute")]),
      Samples.node("f", labels: linux, taints: [Samples.taint("k", "NoExecute")]),
      Samples.node("g", labels: linux),
    ]
    let pods = [
      Samples.pod("on-a", node: "a"), Samples.pod("on-c", node: "c"), Samples.pod("on-d", node: "d"),
      Samples.pod("on-f", node: "f"), Samples.pod("on-gone", node: "gone"),
      Samples.pod("g1", node: "g", ready: false), Samples.pod("g2", node: "g"),
    ]
    let plan = DaemonSetPlan(set, nodes: nodes, pods: pods)
    #expect(plan.create == ["b", "e"])
    #expect(Set(plan.delete.map(\.name)) == ["on-c", "on-f", "on-gone", "g1"])
    #expect(plan.eligible == ["a", "b", "e", "g"])
  }

  @Test func daemonsAreUpdatedOneNodeAtATime() {
    let set = KubernetesObject(.daemonSets, namespace: "default", name: "d")
    let nodes = ["a", "b", "c"].map { Samples.node($0) }
    let now = Timestamp("2026-01-01T01:00:00Z")!
    func outdated(_ pods: [KubernetesObject]) -> [String] {
      DaemonSetPlan(set, nodes: nodes, pods: pods, hash: "new").update(set, hash: "new", now: now).delete.map(\.name)
    }
    let old = ["a", "b", "c"].map { (node: String) in Samples.pod("old-\(node)", node: node) }
    #expect(outdated(old) == ["old-a"])
    let fresh = Samples.pod("new-a", node: "a", ready: false, labels: [TemplateRevisions.hashLabel: "new"])
    #expect(outdated([fresh, old[1], old[2]]) == [])
    let broken = Samples.pod("old-b", node: "b", ready: false)
    #expect(outdated([fresh, broken, old[2]]) == ["old-b"])
    #expect(outdated([old[1], old[2]]) == [])
  }

  @Test func daemonPodIsForItsNode() {
    var set = KubernetesObject(.daemonSets, namespace: "default", name: "d")
    set.spec["template"] = ["metadata": ["labels": ["a": "b"]], "spec": ["hostNetwork": true]]
    let pod = DaemonSetController.pod(set, node: "n1", hash: "h")
    #expect(DaemonSetPlan.target(pod) == "n1")
    #expect(NodeAffinity.matches(pod.spec, Samples.node("n1")))
    #expect(!NodeAffinity.matches(pod.spec, Samples.node("n2")))
    #expect(pod.spec["tolerations"].elements.count == 7)
    #expect(pod.labels == ["a": "b", "controller-revision-hash": "h"])
  }

  @Test func daemonsSurge() {
    var set = KubernetesObject(.daemonSets, namespace: "default", name: "d")
    set.spec["updateStrategy", "rollingUpdate"] = ["maxSurge": 1, "maxUnavailable": 0]
    let nodes = ["a", "b", "c"].map { Samples.node($0) }
    let now = Timestamp("2026-01-01T01:00:00Z")!
    func step(_ pods: [KubernetesObject]) -> (delete: [String], create: [String], excess: [String]) {
      let plan = DaemonSetPlan(set, nodes: nodes, pods: pods, hash: "new")
      let update = plan.update(set, hash: "new", now: now)
      return (update.delete.map(\.name), update.create, plan.delete.map(\.name))
    }
    func new(_ node: String, ready: Bool) -> KubernetesObject {
      Samples.pod("new-\(node)", node: node, ready: ready, labels: [TemplateRevisions.hashLabel: "new"])
    }
    let old = ["a", "b", "c"].map { (node: String) in Samples.pod("old-\(node)", node: node) }
    #expect(step(old) == (delete: [], create: ["a"], excess: []))
    #expect(step(old + [new("a", ready: false)]) == (delete: [], create: [], excess: []))
    #expect(step(old + [new("a", ready: true)]) == (delete: ["old-a"], create: ["b"], excess: []))
    // One that serves nobody is no reason to wait.
    let broken = Samples.pod("old-c", node: "c", ready: false)
    #expect(step([old[0], old[1], broken]) == (delete: [], create: ["c"], excess: []))
  }
}
