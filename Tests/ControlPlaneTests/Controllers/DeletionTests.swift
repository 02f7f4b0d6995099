import Glibc
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// How objects and namespaces go, with what depends on them.
@Suite struct DeletionTests {
  /// A ConfigMap with owners: `*` before a name blocks the owner's deletion.
  @discardableResult
  private func map(
    _ cluster: ClusterFixture, _ name: String, owners: [KubernetesObject] = [], blocks: Bool = false,
    finalizers: [String] = [], namespace: String = "default"
  ) throws -> KubernetesObject {
    var map = KubernetesObject(.configMaps, namespace: namespace, name: name)
    map.finalizers = finalizers
    map.ownerReferences = owners.map {
      OwnerReference(apiVersion: "v1", kind: $0.kind, name: $0.name, uid: $0.uid, blocksOwnerDeletion: blocks)
    }
    return try cluster.client.create(.configMaps, map)
  }

  private func find(_ cluster: ClusterFixture, _ name: String) throws -> KubernetesObject? {
    try cluster.client.find(.configMaps, namespace: "default", name: name)
  }

  @Test func foregroundWaitsForThoseThatBlock() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    let owner = try map(cluster, "owner")
    try map(cluster, "blocking", owners: [owner], blocks: true, finalizers: ["example.com/hold"])
    try map(cluster, "loose", owners: [owner], finalizers: ["example.com/hold"])
    let grandchild = try map(cluster, "shared", owners: [owner, map(cluster, "other")], blocks: true)
    usleep(300_000)
    try cluster.client.delete(.configMaps, namespace: "default", name: "owner", .init(propagation: .foreground))
    try cluster.eventually("dependents end") {
      try find(cluster, "blocking")?.isTerminating == true && find(cluster, "loose")?.isTerminating == true
    }
    try cluster.eventually("one with another owner stays, without the reference") {
      try find(cluster, "shared")?.ownerReferences.map(\.name) == ["other"]
    }
    #expect(try find(cluster, "shared")?.uid == grandchild.uid)
    let waiting = try #require(try find(cluster, "owner"))
    #expect(waiting.isTerminating && waiting.finalizers == ["foregroundDeletion"])
    try cluster.client.patch(
      .configMaps, namespace: "default", name: "blocking", .merge, ["metadata": ["finalizers": .null]])
    try cluster.eventually("the owner goes, though one that does not block is left") {
      try find(cluster, "owner") == nil
    }
    #expect(try find(cluster, "blocking") == nil)
    #expect(try find(cluster, "loose") != nil)
  }

  @Test func objectsThatOwnOneAnotherGo() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    let first = try map(cluster, "first")
    let second = try map(cluster, "second", owners: [first], blocks: true)
    let reference = OwnerReference(
      apiVersion: "v1", kind: "ConfigMap", name: "second", uid: second.uid, blocksOwnerDeletion: true)
    try cluster.client.patch(
      .configMaps, namespace: "default", name: "first", .merge, ["metadata": ["ownerReferences": [reference.json]]])
    usleep(300_000)
    try cluster.client.delete(.configMaps, namespace: "default", name: "first", .init(propagation: .foreground))
    try cluster.eventually("both go") { try find(cluster, "first") == nil && find(cluster, "second") == nil }
  }

  @Test func backgroundAndOrphans() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    let first = try map(cluster, "first")
    let child = try map(cluster, "child", owners: [first])
    try map(cluster, "grandchild", owners: [child])
    usleep(300_000)
    try cluster.client.delete(.configMaps, namespace: "default", name: "first", .init(propagation: .background))
    #expect(try find(cluster, "first") == nil, "the owner goes at once")
    try cluster.eventually("then the others") {
      try find(cluster, "child") == nil && find(cluster, "grandchild") == nil
    }
    let second = try map(cluster, "second")
    try map(cluster, "orphan", owners: [second])
    usleep(300_000)
    try cluster.client.delete(.configMaps, namespace: "default", name: "second", .init(propagation: .orphan))
    try cluster.eventually("the owner goes") { try find(cluster, "second") == nil }
    #expect(try find(cluster, "orphan")?.ownerReferences.isEmpty == true)
  }

  @Test func anOwnerThatCannotBeIsLeftAlone() throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    let owner = try map(cluster, "owner")
    try cluster.client.patch(
      .nodes, name: "n1", .merge,
      [
        "metadata": [
          "ownerReferences": [
            ["apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": .string(owner.uid)]
          ]
        ]
      ])
    try cluster.eventually("it is told") {
      try cluster.list(.events).contains { $0.json["reason"] == "OwnerRefInvalidNamespace" }
    }
    #expect(try cluster.client.find(.nodes, name: "n1") != nil)
  }

  @Test func aNamespaceSaysWhatHoldsIt() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    try cluster.client.create(.namespaces, KubernetesObject(.namespaces, name: "shop"))
    try map(cluster, "held", finalizers: ["example.com/hold"], namespace: "shop")
    try map(cluster, "free", namespace: "shop")
    try cluster.client.delete(.namespaces, name: "shop")
    try cluster.eventually("it says what is left") {
      let namespace = try cluster.client.get(.namespaces, name: "shop")
      return namespace.condition("NamespaceContentRemaining")["message"].string?
        .contains("configmaps. has 1 resource instances") == true
        && namespace.condition("NamespaceFinalizersRemaining")["message"].string?
          .contains("example.com/hold in 1 resource instances") == true
    }
    let namespace = try cluster.client.get(.namespaces, name: "shop")
    #expect(namespace.condition("NamespaceDeletionDiscoveryFailure")["status"] == "False")
    #expect(namespace.condition("NamespaceDeletionContentFailure")["status"] == "False")
    #expect(throws: APIStatus.self) { try map(cluster, "new", namespace: "shop") }
    try cluster.client.patch(
      .configMaps, namespace: "shop", name: "held", .merge, ["metadata": ["finalizers": .null]])
    try cluster.eventually("it goes") { try cluster.client.find(.namespaces, name: "shop") == nil }
  }
}
