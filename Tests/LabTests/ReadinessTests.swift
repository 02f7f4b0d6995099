import JSON
import Kubernetes
import Lab
import Testing

@Suite struct ReadinessTests {
  static func pod(_ status: JSON, spec: JSON = ["nodeName": "node1"]) -> KubernetesObject {
    KubernetesObject(
      ["kind": "Pod", "metadata": ["name": "p", "namespace": "n"], "spec": spec, "status": status])
  }
  static let ready: JSON = ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]]

  struct Case: Sendable {
    var status: JSON
    var spec: JSON = ["nodeName": "node1"]
    var reason: String?
  }

  @Test(arguments: [
    Case(status: ready, reason: nil),
    Case(status: ["phase": "Succeeded"], reason: nil),
    Case(status: ["phase": "Running"], reason: "not ready"),
    Case(status: [:], spec: [:], reason: "not scheduled yet"),
    Case(
      status: ["conditions": [["type": "PodScheduled", "status": "False", "message": "0 of 3 nodes fit"]]], spec: [:],
      reason: "0 of 3 nodes fit"),
    Case(
      status: ["phase": "Pending", "containerStatuses": [["state": ["waiting": ["reason": "ContainerCreating"]]]]],
      reason: "ContainerCreating"),
    Case(
      status: ["phase": "Running", "containerStatuses": [["state": ["waiting": ["reason": "CrashLoopBackOff"]]]]],
      reason: "CrashLoopBackOff"),
    Case(
      status: ["phase": "Failed", "containerStatuses": [["state": ["terminated": ["reason": "Error"]]]]],
      reason: "Error"),
    Case(status: ["phase": "Failed", "reason": "Evicted"], reason: "Evicted"),
  ]) func reasons(_ example: Case) {
    #expect(Readiness.reasonNotReady(Self.pod(example.status, spec: example.spec)) == example.reason)
  }

  struct Workload: Sendable {
    var kind: String
    var spec: JSON
    var status: JSON
    var awaited: String?
  }

  @Test(arguments: [
    Workload(
      kind: "Deployment", spec: ["replicas": 2], status: ["observedGeneration": 3, "readyReplicas": 2], awaited: nil),
    Workload(
      kind: "Deployment", spec: ["replicas": 2], status: ["observedGeneration": 2, "readyReplicas": 2],
      awaited: "Deployment n/w: not seen by its controller yet"),
    Workload(
      kind: "StatefulSet", spec: [:], status: ["observedGeneration": 3],
      awaited: "StatefulSet n/w: 0 of 1 replicas ready"),
    Workload(
      kind: "DaemonSet", spec: [:],
      status: ["observedGeneration": 3, "desiredNumberScheduled": 3, "numberReady": 1],
      awaited: "DaemonSet n/w: 1 of 3 replicas ready"),
    Workload(kind: "ReplicaSet", spec: ["replicas": 0], status: ["observedGeneration": 3], awaited: nil),
  ]) func workloads(_ example: Workload) {
    let object = KubernetesObject([
      "kind": .string(example.kind), "metadata": ["name": "w", "namespace": "n", "generation": 3],
      "spec": example.spec, "status": example.status,
    ])
    let readiness = Readiness(pods: [], workloads: [object])
    #expect(readiness.awaited == (example.awaited.map { [$0] } ?? []))
  }

  @Test func podsThatAreBeingDeletedDoNotCount() {
    var leaving = Self.pod(["phase": "Running"])
    leaving.metadata["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    let readiness = Readiness(pods: [leaving, Self.pod(Self.ready), Self.pod(["phase": "Pending"])], workloads: [])
    #expect(readiness.pods == 2)
    #expect(readiness.readyPods == 1)
    #expect(readiness.awaited == ["n/p: Pending"])
    #expect(!readiness.isReached)
  }
}
