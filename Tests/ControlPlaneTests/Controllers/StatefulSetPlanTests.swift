import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct StatefulSetPlanTests {
  static let now = Timestamp("2026-01-01T01:00:00Z")!

  /// Pods by ordinal: r ready, n not ready, t terminating, f failed; upper case: of the new revision.
  static func pods(_ text: String) -> [Int: KubernetesObject] {
    var pods: [Int: KubernetesObject] = [:]
    for (ordinal, letter) in text.enumerated() where letter != "." {
      pods[ordinal] = Samples.pod(
        "s-\(ordinal)", phase: letter.lowercased() == "f" ? "Failed" : "Running", ready: letter.lowercased() == "r",
        terminating: letter.lowercased() == "t",
        labels: [TemplateRevisions.hashLabel: letter.isUppercase ? "new" : "old"])
    }
    return pods
  }

  static func input(_ replicas: Int, parallel: Bool = false, partition: Int? = nil, onDelete: Bool = false)
    -> StatefulSetPlan.Input
  {
    StatefulSetPlan.Input(
      replicas: replicas, isParallel: parallel, isOnDelete: onDelete, partition: partition, currentRevision: "old",
      updateRevision: "new", currentReplicas: 0)
  }

  @Test(arguments: [
    ("", 3, [0], []), ("R", 3, [1], []), ("N", 3, [], []), ("RR", 3, [2], []), ("RRR", 3, [], []), ("R.R", 3, [1], []),
    ("T", 3, [], []), ("F", 1, [], ["s-0"]), ("RRR", 1, [], ["s-2"]), ("RRT", 1, [], []), ("RNR", 1, [], ["s-2"]),
    ("rrr", 3, [], ["s-2"]), ("rrR", 3, [], ["s-1"]), ("rrN", 3, [], []), ("RRR", 0, [], ["s-2"]),
  ])
  func ordered(pods: String, replicas: Int, create: [Int], delete: [String]) {
    let plan = StatefulSetPlan(Self.input(replicas), pods: Self.pods(pods), now: Self.now)
    #expect(plan.create.keys.sorted() == create)
    #expect(plan.delete == delete)
  }

  @Test func parallelDoesAllAtOnce() {
    let grow = StatefulSetPlan(Self.input(3, parallel: true), pods: Self.pods("N"), now: Self.now)
    #expect(grow.create.keys.sorted() == [1, 2])
    let shrink = StatefulSetPlan(Self.input(1, parallel: true), pods: Self.pods("RNR"), now: Self.now)
    #expect(shrink.delete == ["s-2", "s-1"])
  }

  @Test func partitionKeepsTheFirstOnes() {
    let plan = StatefulSetPlan(Self.input(3, partition: 2), pods: Self.pods("rrR"), now: Self.now)
    #expect(plan.delete.isEmpty)
    let lost = StatefulSetPlan(Self.input(3, partition: 2), pods: Self.pods(".rR"), now: Self.now)
    #expect(lost.create == [0: "old"])
  }

  @Test func onDeleteWaitsForTheUser() {
    let plan = StatefulSetPlan(Self.input(2, onDelete: true), pods: Self.pods("rr"), now: Self.now)
    #expect(plan == StatefulSetPlan(Self.input(2, onDelete: true), pods: Self.pods("RR"), now: Self.now))
    #expect(plan.delete.isEmpty)
  }

  @Test func minReadySecondsHoldsTheNext() {
    var input = Self.input(2)
    input.minReadySeconds = 7200
    let plan = StatefulSetPlan(input, pods: Self.pods("R"), now: Self.now)
    #expect(plan.create.isEmpty)
    #expect(plan.recheck == 7200)
  }

  @Test func identityOfAPod() throws {
    let set = KubernetesObject(
      try JSON(
        parsing: """
          {"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db","namespace":"x","uid":"u"},"spec":{
          "serviceName":"dbs","selector":{"matchLabels":{"app":"db"}},"template":{"metadata":{"labels":{"app":"db"}},
          "spec":{"containers":[{"name":"c"}],"volumes":[{"name":"data","emptyDir":{}},{"name":"tmp","emptyDir":{}}]}},
          "volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"resources":{}}}]}}
          """))
    var revision = KubernetesObject(.controllerRevisions, namespace: "x", name: "db-abc")
    revision.json["data"] = TemplateRevisions.data(set.spec["template"])
    let pod = StatefulSetController.pod(set, 2, revision)
    #expect(pod.name == "db-2")
    #expect(pod.spec["hostname"] == "db-2")
    #expect(pod.spec["subdomain"] == "dbs")
    #expect(pod.spec["$patch"].isNull && pod.json["$patch"].isNull)
    #expect(
      pod.labels == [
        "app": "db", "apps.kubernetes.io/pod-index": "2", "statefulset.kubernetes.io/pod-name": "db-2",
        "controller-revision-hash": "db-abc",
      ])
    #expect(pod.spec["volumes"][0]["persistentVolumeClaim", "claimName"] == "data-db-2")
    #expect(pod.spec["volumes"].elements.count == 2)
    #expect(StatefulSetController.claims(set, 2).map(\.name) == ["data-db-2"])
    #expect(StatefulSetController.ordinal("db-10", of: "db") == 10)
    for name in ["db-01", "db-", "db-x", "dbx-1", "db-1-1", "db--1"] {
      #expect(StatefulSetController.ordinal(name, of: "db") == nil)
    }
  }
}
