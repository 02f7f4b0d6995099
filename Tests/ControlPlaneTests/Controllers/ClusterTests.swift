import Glibc
import JSON
import Kubernetes
import Synchronization
import Testing

@testable import ControlPlane

/// Everything together: the API server in this process, all controllers over its transport, pods that come alive.
@Suite struct ClusterTests {
  static func deployment(_ replicas: Int, image: String = "web:1") -> String {
    """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      replicas: \(replicas)
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: c, image: "\(image)", ports: [{name: http, containerPort: 8080}]}]}
    """
  }
  static let service = """
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: web}
    spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}

    """

  static let workloads = """
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: db}
    spec:
      serviceName: db
      replicas: 2
      selector: {matchLabels: {app: db}}
      template:
        metadata: {labels: {app: db}}
        spec: {containers: [{name: c, image: "db:1", env: [{name: A, value: b}]}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: db}
    spec: {clusterIP: None, selector: {app: db}, publishNotReadyAddresses: true, ports: []}
    ---
    apiVersion: apps/v1
    kind: DaemonSet
    metadata: {name: agent}
    spec:
      selector: {matchLabels: {app: agent}}
      template:
        metadata: {labels: {app: agent}}
        spec: {containers: [{name: c, image: "agent:1"}]}

    """

  private func ready(_ cluster: ClusterFixture) throws -> [String] {
    let slices = try cluster.list(.endpointSlices, "kubernetes.io/service-name=web")
    return slices.flatMap { $0.json["endpoints"].elements }.filter { $0["conditions", "ready"].bool == true }
      .compactMap { $0["addresses"][0].string }.sorted()
  }

  private func scale(_ cluster: ClusterFixture, _ replicas: Int) throws {
    try cluster.client.patch(
      .deployments, namespace: "default", name: "web", .merge, ["spec": ["replicas": .count(replicas)]])
  }

  @Test func deploymentScalesAndEndpointsFollow() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(Self.deployment(6) + "\n" + Self.service)
    try cluster.eventually("6 endpoints") { try ready(cluster).count == 6 }
    let pods = try cluster.list(.pods, "app=web")
    let spread = Dictionary(grouping: pods) { $0.nodeName ?? "" }.mapValues(\.count)
    #expect(spread == ["n1": 2, "n2": 2, "n3": 2])
    #expect(try ready(cluster) == pods.compactMap { $0.status["podIP"].string }.sorted())
    let slice = try #require(try cluster.list(.endpointSlices, "kubernetes.io/service-name=web").first)
    #expect(slice.json["ports"][0]["port"] == 8080)

    try cluster.setReady(pods[0], false)
    try cluster.eventually("5 ready") { try ready(cluster).count == 5 }
    #expect(!(try ready(cluster)).contains(pods[0].status["podIP"].string ?? ""))
    try cluster.setReady(pods[0], true)
    try cluster.eventually("6 ready again") { try ready(cluster).count == 6 }

    try scale(cluster, 2)
    try cluster.eventually("2 pods") { try cluster.list(.pods, "app=web").count == 2 }
    try cluster.eventually("2 endpoints") { try ready(cluster).count == 2 }
    try scale(cluster, 9)
    try cluster.eventually("9 endpoints") { try ready(cluster).count == 9 }
    #expect(try cluster.list(.pods, "app=web").count == 9)
    try cluster.eventually("status") {
      let deployment = try cluster.client.get(.deployments, namespace: "default", name: "web")
      return deployment.status["availableReplicas"].int == 9 && deployment.isTrue("Available")
        && deployment.condition("Progressing")["reason"].string == "NewReplicaSetAvailable"
        && deployment.status["observedGeneration"].int == deployment.generation
    }
    try cluster.eventually("Endpoints") {
      let endpoints = try cluster.client.find(.endpoints, namespace: "default", name: "web")
      return endpoints?.json["subsets"][0]["addresses"].elements.count == 9
    }
  }

  @Test func nothingIsWrittenWhenNothingHappens() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(Self.deployment(3) + "\n" + Self.service)
    try cluster.apply(Self.workloads)
    try cluster.eventually("everything runs") {
      let pods = try cluster.list(.pods)
      return try pods.count == 3 + 2 + 3 && pods.allSatisfy(\.isReady) && ready(cluster).count == 3
    }
    var before: [String] = []
    try cluster.eventually("quiet") {
      let now = try cluster.versions()
      defer { before = now }
      usleep(500_000)
      return now == before
    }
    usleep(1_500_000)
    #expect(try cluster.versions() == before)
    // Others that start anew find everything as it should be; afterwards they are at work.
    try cluster.restartControllers()
    usleep(2_000_000)
    #expect(try cluster.versions() == before)
    try scale(cluster, 4)
    try cluster.eventually("4 endpoints") { try ready(cluster).count == 4 }
  }

  @Test func rollingUpdateReplacesAndUndoes() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(Self.deployment(4))
    func images() throws -> [String] {
      try cluster.list(.pods, "app=web").filter { $0.isActive && $0.isReady }
        .compactMap { $0.spec["containers"][0]["image"].string }.sorted()
    }
    func update(_ image: String) throws {
      try cluster.client.patch(
        .deployments, namespace: "default", name: "web", .strategicMerge,
        ["spec": ["template": ["spec": ["containers": [["name": "c", "image": .string(image)]]]]]])
    }
    try cluster.eventually("first") { try images() == Array(repeating: "web:1", count: 4) }
    // Pods of the second template never become ready: the update must stop within its bounds.
    cluster.held.withLock { $0 = ["web-"] }
    try update("web:2")
    try cluster.eventually("surge of one, none missing") {
      let all = try cluster.list(.pods, "app=web")
      let ready = all.count { $0.isReady && $0.isActive }
      #expect(all.count(where: \.isActive) <= 5)
      #expect(ready >= 3)
      return all.contains { $0.spec["containers"][0]["image"] == "web:2" && $0.nodeName != nil }
    }
    cluster.release()
    try cluster.eventually("second") { try images() == Array(repeating: "web:2", count: 4) }
    try cluster.eventually("one pod set") { try cluster.list(.pods, "app=web").count == 4 }
    func revision() throws -> String? {
      try cluster.client.get(.deployments, namespace: "default", name: "web")
        .annotations["deployment.kubernetes.io/revision"]
    }
    #expect(try revision() == "2")
    try update("web:1")
    try cluster.eventually("first again") { try images() == Array(repeating: "web:1", count: 4) }
    #expect(try revision() == "3")
    #expect(try cluster.list(.replicaSets).count == 2)
  }

  @Test func garbageGoesWithItsOwner() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(Self.deployment(3) + "\n" + Self.service)
    try cluster.eventually("3 endpoints") { try ready(cluster).count == 3 }
    try cluster.client.delete(.deployments, namespace: "default", name: "web", .init(propagation: .foreground))
    try cluster.eventually("nothing left of it") {
      try cluster.list(.pods, "app=web").isEmpty && cluster.list(.replicaSets).isEmpty
        && cluster.list(.deployments).isEmpty
    }
    try cluster.eventually("no endpoints") { try ready(cluster).isEmpty }
    #expect(try cluster.list(.endpointSlices, "kubernetes.io/service-name=web").count == 1)
    try cluster.client.delete(.services, namespace: "default", name: "web")
    try cluster.eventually("no slices, no Endpoints") {
      try cluster.list(.endpointSlices, "kubernetes.io/service-name=web").isEmpty
        && cluster.client.find(.endpoints, namespace: "default", name: "web") == nil
    }

    try cluster.apply(Self.deployment(2))
    try cluster.eventually("2 pods") { try cluster.list(.pods, "app=web").count == 2 }
    try cluster.client.delete(.deployments, namespace: "default", name: "web", .init(propagation: .orphan))
    try cluster.eventually("only the Deployment goes") { try cluster.list(.deployments).isEmpty }
    let set = try #require(try cluster.list(.replicaSets).first)
    #expect(set.ownerReferences.isEmpty)
    #expect(try cluster.list(.pods, "app=web").count == 2)
  }

  @Test func namespacesEmptyAndGo() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.client.create(.namespaces, KubernetesObject(.namespaces, name: "shop"))
    try cluster.eventually("defaults") {
      try cluster.client.find(.serviceAccounts, namespace: "shop", name: "default") != nil
        && cluster.client.find(.configMaps, namespace: "shop", name: "kube-root-ca.crt")?.json["data", "ca.crt"]
          == "PEM"
    }
    let text = (Self.deployment(2) + "\n" + Self.service)
      .replacing("{name: web}", with: "{name: web, namespace: shop}")
    try cluster.apply(text)
    try cluster.eventually("2 pods") { try cluster.list(.pods, "app=web", namespace: "shop").count == 2 }
    try cluster.client.delete(.namespaces, name: "shop")
    try cluster.eventually("gone") { try cluster.client.find(.namespaces, name: "shop") == nil }
    #expect(try cluster.list(.pods, namespace: "shop").isEmpty)
    #expect(try cluster.list(.configMaps, namespace: "shop").isEmpty)
  }

  @Test func statefulSetKeepsNamesAndOrder() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    cluster.held.withLock { $0 = ["db-1"] }
    try cluster.apply(
      """
      apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db}
      spec:
        serviceName: db
        replicas: 3
        selector: {matchLabels: {app: db}}
        template:
          metadata: {labels: {app: db}}
          spec: {containers: [{name: c, image: "db:1"}]}
        volumeClaimTemplates:
        - metadata: {name: data}
          spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
      """)
    func names() throws -> [String] { try cluster.list(.pods, "app=db").map(\.name).sorted() }
    try cluster.eventually("the second waits") { try names() == ["db-0", "db-1"] }
    cluster.release()
    try cluster.eventually("three") {
      try cluster.client.get(.statefulSets, namespace: "default", name: "db").status["readyReplicas"].int == 3
    }
    #expect(try names() == ["db-0", "db-1", "db-2"])
    #expect(
      try cluster.list(.persistentVolumeClaims).map(\.name).sorted() == ["data-db-0", "data-db-1", "data-db-2"])
    let lost = try cluster.client.get(.pods, namespace: "default", name: "db-1")
    try cluster.client.delete(.pods, namespace: "default", name: "db-1")
    try cluster.eventually("the same name, another pod") {
      let pod = try cluster.client.find(.pods, namespace: "default", name: "db-1")
      return pod.map { $0.uid != lost.uid && $0.isReady } ?? false
    }
    try cluster.client.patch(
      .statefulSets, namespace: "default", name: "db", .merge,
      ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "db:2"]]]]]])
    try cluster.eventually("updated") {
      let set = try cluster.client.get(.statefulSets, namespace: "default", name: "db")
      let status = set.status
      return status["observedGeneration"].int == set.generation && status["updatedReplicas"].int == 3
        && status["currentRevision"] == status["updateRevision"]
        && status["readyReplicas"].int == 3
    }
    #expect(try cluster.list(.pods, "app=db").allSatisfy { $0.spec["containers"][0]["image"] == "db:2" })
    try cluster.client.patch(
      .statefulSets, namespace: "default", name: "db", .merge, ["spec": ["replicas": 1]])
    try cluster.eventually("one") { try names() == ["db-0"] }
  }

  @Test func daemonSetFollowsNodes() throws {
    let cluster = try ClusterFixture(nodes: ["n1", "n2"])
    defer { cluster.stop() }
    try cluster.apply(
      """
      apiVersion: apps/v1
      kind: DaemonSet
      metadata: {name: agent}
      spec:
        selector: {matchLabels: {app: agent}}
        template:
          metadata: {labels: {app: agent}}
          spec: {containers: [{name: c, image: "agent:1"}]}
      """)
    func nodes() throws -> [String] {
      try cluster.list(.pods, "app=agent").filter(\.isReady).compactMap(\.nodeName).sorted()
    }
    try cluster.eventually("on both") { try nodes() == ["n1", "n2"] }
    try cluster.addNode("n3")
    try cluster.eventually("on the third") { try nodes() == ["n1", "n2", "n3"] }
    let ranges = try cluster.list(.nodes, namespace: "").flatMap { $0.spec["podCIDRs"].elements.compactMap(\.string) }
    #expect(Set(ranges) == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"])
    try cluster.client.delete(.nodes, name: "n1")
    try cluster.eventually("gone with the node") { try nodes() == ["n2", "n3"] }
    try cluster.eventually("status") {
      try cluster.client.get(.daemonSets, namespace: "default", name: "agent").status["numberAvailable"].int == 2
    }
  }

  @Test func silentNodesLoseTheirPods() throws {
    var options = ControllerOptions()
    options.nodeGracePeriod = 1
    let cluster = try ClusterFixture(nodes: ["n1"], options: options)
    defer { cluster.stop() }
    // Placed at once: before the second is over, or tolerating what comes.
    try cluster.apply(
      Self.deployment(1).replacing("spec: {containers", with: "spec: {tolerations: [{operator: Exists}], containers")
        + "\n" + Self.service)
    try cluster.eventually("not ready and tainted") {
      let node = try cluster.client.get(.nodes, name: "n1")
      return node.condition("Ready")["status"] == "Unknown"
        && node.spec["taints"].elements.contains { $0["key"] == "node.kubernetes.io/unreachable" }
    }
    try cluster.eventually("its pods are not ready") {
      let pods = try cluster.list(.pods, "app=web")
      return !pods.isEmpty && pods.allSatisfy { !$0.isReady && $0.status["podIP"].string != nil }
    }
    try cluster.eventually("no endpoints ready") { try ready(cluster).isEmpty }
    var node = try cluster.client.get(.nodes, name: "n1")
    node.status["conditions"] = [
      ["type": "Ready", "status": "True", "lastHeartbeatTime": .string(Timestamp.now().description)]
    ]
    node.json["metadata", "resourceVersion"] = .null
    try cluster.client.updateStatus(.nodes, node)
    try cluster.eventually("taints go") {
      try cluster.client.get(.nodes, name: "n1").spec["taints"].elements.isEmpty
    }
  }

  @Test func unschedulablePodsSayWhyAndWait() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    try cluster.apply(Self.deployment(1))
    try cluster.eventually("an event") {
      try cluster.list(.events).contains { $0.json["reason"] == "FailedScheduling" }
    }
    try cluster.addNode("late")
    try cluster.eventually("placed") { try cluster.list(.pods, "app=web").contains { $0.nodeName == "late" } }
  }
}
