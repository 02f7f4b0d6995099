import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// Jobs with an API server, all controllers, and pods that end as a test says.
@Suite struct JobClusterTests {
  private static func job(_ spec: String) -> String {
    """
    apiVersion: batch/v1
    kind: Job
    metadata: {name: sum}
    spec:
    \(spec.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
      template:
        metadata: {labels: {app: sum}}
        spec: {restartPolicy: Never, containers: [{name: c, image: "sum:1"}]}
    """
  }

  private static func end(_ cluster: ClusterFixture, _ pod: KubernetesObject, _ phase: String, code: Int = 0) throws {
    var done = pod
    done.status["phase"] = .string(phase)
    let now = Timestamp.now().description
    done.status["containerStatuses"] = [
      ["name": "c", "state": ["terminated": ["exitCode": .int(Int64(code)), "finishedAt": .string(now)]]]
    ]
    done.json["metadata", "resourceVersion"] = .null
    try cluster.client.updateStatus(.pods, done)
  }

  private static func job(_ cluster: ClusterFixture) throws -> KubernetesObject? {
    try cluster.client.find(.jobs, namespace: "default", name: "sum")
  }

  /// While no controller looks, pods end and are deleted: they are there until they are counted, and are counted.
  @Test func deletedPodsAreCounted() throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    try cluster.apply(Self.job("completions: 4\nparallelism: 4\nbackoffLimit: 10"))
    func pods() throws -> [KubernetesObject] { try cluster.list(.pods, "app=sum") }
    try cluster.eventually("four run") { try pods().count { $0.phase == "Running" } == 4 }
    try cluster.restartControllers {
      for (index, pod) in try pods().enumerated() {
        try Self.end(cluster, pod, index < 3 ? "Succeeded" : "Failed", code: index < 3 ? 0 : 1)
        try cluster.client.delete(
          .pods, namespace: pod.namespace, name: pod.name, .init(gracePeriodSeconds: 0, uid: pod.uid))
      }
      #expect(try pods().count { $0.isTerminating && $0.finalizers == [JobTally.finalizer] } == 4)
    }
    try cluster.eventually("they are counted, and then gone") {
      let status = try #require(try Self.job(cluster)).status
      return try status["succeeded"] == 3 && status["failed"] == 1 && pods().allSatisfy { !$0.isTerminal }
    }
    // The one that failed is replaced after its pause, and the Job completes.
    try cluster.eventually("a fifth runs") { try pods().contains { $0.phase == "Running" && $0.isActive } }
    for pod in try pods() where pod.isActive { try Self.end(cluster, pod, "Succeeded") }
    try cluster.eventually("complete") { try Self.job(cluster)?.isTrue("Complete") == true }
    let job = try #require(try Self.job(cluster))
    #expect(job.status["succeeded"] == 4 && job.status["failed"] == 1)
    #expect(job.status["uncountedTerminatedPods"] == [:] || job.status["uncountedTerminatedPods"].isNull)
    // What is finished holds nothing; and pods of a Job that is deleted go too.
    try cluster.eventually("no pod is held") { try pods().allSatisfy { $0.finalizers.isEmpty } }
    try cluster.client.delete(.jobs, namespace: "default", name: "sum", .init(propagation: .background))
    try cluster.eventually("all gone") { try pods().isEmpty }
  }

  /// A Job that is deleted while its pods run leaves none behind, whatever the propagation.
  @Test(arguments: [DeleteOptions.Propagation.background, .foreground, .orphan])
  func nothingIsHeldForAJobThatIsGone(propagation: DeleteOptions.Propagation) throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    try cluster.apply(Self.job("completions: 2\nparallelism: 2"))
    func pods() throws -> [KubernetesObject] { try cluster.list(.pods, "app=sum") }
    try cluster.eventually("two run") { try pods().count { $0.phase == "Running" } == 2 }
    try cluster.client.delete(.jobs, namespace: "default", name: "sum", .init(propagation: propagation))
    try cluster.eventually("the Job is gone") { try Self.job(cluster) == nil }
    if propagation == .orphan {
      try cluster.eventually("nobody holds them") { try pods().allSatisfy { $0.finalizers.isEmpty } }
      #expect(try pods().count { $0.isActive } == 2)
      for pod in try pods() { try cluster.client.delete(.pods, namespace: "default", name: pod.name) }
    }
    try cluster.eventually("all pods are gone") { try pods().isEmpty }
  }

  /// Suspended: its pods go and count for nothing. Resumed: it goes on.
  @Test func suspensionCountsNothing() throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    try cluster.apply(Self.job("completions: 2\nparallelism: 2\nbackoffLimit: 0"))
    func running() throws -> [KubernetesObject] {
      try cluster.list(.pods, "app=sum").filter { $0.phase == "Running" && $0.isActive }
    }
    try cluster.eventually("two run") { try running().count == 2 }
    try cluster.client.patch(.jobs, namespace: "default", name: "sum", .merge, ["spec": ["suspend": true]])
    try cluster.eventually("none is left") { try cluster.list(.pods, "app=sum").isEmpty }
    try cluster.eventually("it says so") { try Self.job(cluster)?.isTrue("Suspended") == true }
    #expect(try Self.job(cluster)?.status["failed"].isNull == true)
    try cluster.client.patch(.jobs, namespace: "default", name: "sum", .merge, ["spec": ["suspend": false]])
    try cluster.eventually("two run again") { try running().count == 2 }
    for pod in try running() { try Self.end(cluster, pod, "Succeeded") }
    try cluster.eventually("complete") { try Self.job(cluster)?.isTrue("Complete") == true }
  }

  /// Without a further try, one failure ends the Job; what runs then is ended and counted as failed, and it says Failed last.
  @Test func aFailedJobEndsItsPods() throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    try cluster.apply(Self.job("completions: 3\nparallelism: 3\nbackoffLimit: 0"))
    func pods() throws -> [KubernetesObject] { try cluster.list(.pods, "app=sum") }
    try cluster.eventually("three run") { try pods().count { $0.phase == "Running" } == 3 }
    try Self.end(cluster, try #require(try pods().first), "Failed", code: 1)
    try cluster.eventually("failed") { try Self.job(cluster)?.isTrue("Failed") == true }
    let job = try #require(try Self.job(cluster))
    #expect(job.condition("Failed")["reason"] == "BackoffLimitExceeded" && job.status["failed"] == 3)
    #expect(job.isTrue("FailureTarget") && job.status["active"].isNull)
    #expect(try pods().count { $0.isActive } == 0)
  }
}
