import Glibc
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// Rollouts as the whole cluster does them.
@Suite struct RolloutClusterTests {
  private func patch(_ cluster: ClusterFixture, _ spec: JSON) throws {
    try cluster.client.patch(.deployments, namespace: "default", name: "web", .strategicMerge, ["spec": spec])
  }

  private func image(_ image: String) -> JSON {
    ["template": ["spec": ["containers": [["name": "c", "image": .string(image)]]]]]
  }

  private func images(_ cluster: ClusterFixture) throws -> [String: Int] {
    Dictionary(grouping: try cluster.list(.pods, "app=web").filter(\.isActive)) {
      $0.spec["containers"][0]["image"].string ?? ""
    }.mapValues(\.count)
  }

  private func condition(_ cluster: ClusterFixture, _ type: String) throws -> JSON {
    try cluster.client.get(.deployments, namespace: "default", name: "web").condition(type)
  }

  @Test func recreateNeverMixes() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(
      ClusterTests.deployment(3).replacing("replicas: 3", with: "replicas: 3\n  strategy: {type: Recreate}"))
    try cluster.eventually("first") { try images(cluster) == ["web:1": 3] }
    try patch(cluster, image("web:2"))
    try cluster.eventually("second") {
      let all = try cluster.list(.pods, "app=web").map { $0.spec["containers"][0]["image"].string ?? "" }
      #expect(Set(all).count <= 1, "two templates beside one another: \(all)")
      return try images(cluster) == ["web:2": 3]
    }
  }

  @Test func aPausedRolloutWaitsAndAStuckOneSaysSo() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(
      ClusterTests.deployment(3).replacing("replicas: 3", with: "replicas: 3\n  progressDeadlineSeconds: 2"))
    try cluster.eventually("first") {
      try condition(cluster, "Progressing")["reason"] == "NewReplicaSetAvailable"
    }
    try patch(cluster, ["paused": true])
    try patch(cluster, image("web:2"))
    usleep(500_000)
    #expect(try images(cluster) == ["web:1": 3])
    // Its size may change all the same.
    try patch(cluster, ["replicas": 4])
    try cluster.eventually("scaled") { try images(cluster) == ["web:1": 4] }
    cluster.held.withLock { $0 = ["web-"] }
    try patch(cluster, ["paused": false])
    try cluster.eventually("the deadline passes") {
      try condition(cluster, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    }
    #expect(try condition(cluster, "Progressing")["status"] == "False")
    #expect(try condition(cluster, "Available")["status"] == "True")
    // Rolled back, as kubectl rollout undo does it.
    try patch(cluster, image("web:1"))
    cluster.release()
    try cluster.eventually("back") {
      try images(cluster) == ["web:1": 4]
        && condition(cluster, "Progressing")["reason"] == "NewReplicaSetAvailable"
    }
  }

  @Test func surgeAndUnavailableInPercent() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(
      ClusterTests.deployment(8).replacing(
        "replicas: 8",
        with: "replicas: 8\n  strategy: {rollingUpdate: {maxSurge: 50%, maxUnavailable: 25%}}"))
    try cluster.eventually("first") {
      try cluster.list(.pods, "app=web").count(where: \.isReady) == 8
        && condition(cluster, "Progressing")["reason"] == "NewReplicaSetAvailable"
    }
    cluster.held.withLock { $0 = ["web-"] }
    try patch(cluster, image("web:2"))
    // 12 at most, 6 ready at least: 6 old ones stay, 6 new ones wait.
    try cluster.eventually("as far as it may") { try images(cluster) == ["web:1": 6, "web:2": 6] }
    usleep(500_000)
    #expect(try images(cluster) == ["web:1": 6, "web:2": 6])
    cluster.release()
    try cluster.eventually("second") { try images(cluster) == ["web:2": 8] }
  }

  @Test func jobsRunToTheirEnd() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(
      """
      apiVersion: batch/v1
      kind: Job
      metadata: {name: sum}
      spec:
        completions: 4
        parallelism: 2
        completionMode: Indexed
        ttlSecondsAfterFinished: 1
        template:
          metadata: {labels: {app: sum}}
          spec: {restartPolicy: Never, containers: [{name: c, image: "sum:1"}]}
      """)
    var indexes: Set<String> = []
    try cluster.eventually("four have run, two at a time") {
      let pods = try cluster.list(.pods, "app=sum")
      #expect(pods.count(where: \.isActive) <= 2)
      for pod in pods where pod.phase == "Running" && !pod.isTerminating {
        indexes.insert(pod.labels["batch.kubernetes.io/job-completion-index"] ?? "")
        var done = pod
        done.status["phase"] = "Succeeded"
        done.json["metadata", "resourceVersion"] = .null
        try cluster.client.updateStatus(.pods, done)
      }
      let job = try cluster.client.find(.jobs, namespace: "default", name: "sum")
      return job.map { $0.isTrue("Complete") && $0.status["completedIndexes"] == "0-3" } ?? true
    }
    #expect(indexes == ["0", "1", "2", "3"])
    try cluster.eventually("and go after their time") {
      try cluster.client.find(.jobs, namespace: "default", name: "sum") == nil && cluster.list(.pods, "app=sum").isEmpty
    }
  }

  /// Whatever happens, a pod that fits nowhere says so a few times and not once for everything that happens.
  @Test func refusalsAreNotRepeated() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    try cluster.apply(ClusterTests.deployment(1))
    func refusals() throws -> [Int] {
      try cluster.list(.events).filter { $0.json["reason"] == "FailedScheduling" }.map { $0.json["count"].int ?? 0 }
    }
    try cluster.eventually("told") { try !refusals().isEmpty }
    for number in 0..<20 {
      var node = KubernetesObject(.nodes, name: "small")
      node.spec["unschedulable"] = true
      node.labels = ["n": String(number)]
      if number == 0 { try cluster.client.create(.nodes, node) }
      try cluster.client.patch(.nodes, name: "small", .merge, ["metadata": ["labels": ["n": .string("\(number)")]]])
      usleep(50_000)
    }
    let told = try refusals()
    #expect(told.reduce(0, +) <= 4, "\(told)")
  }
}
