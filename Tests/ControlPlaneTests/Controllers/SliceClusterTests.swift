import Glibc
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// EndpointSlices as the whole cluster makes them.
@Suite struct SliceClusterTests {
  private func slices(_ cluster: ClusterFixture, _ service: String = "web") throws -> [KubernetesObject] {
    try cluster.list(.endpointSlices, "kubernetes.io/service-name=\(service)").sorted { $0.name < $1.name }
  }

  private func addresses(_ slices: [KubernetesObject]) -> [String] {
    slices.flatMap { $0.json["endpoints"].elements.compactMap { $0["addresses"][0].string } }
  }

  private func pod(_ number: Int) -> KubernetesObject {
    var pod = KubernetesObject(.pods, namespace: "default", name: "web-\(number)")
    pod.labels = ["app": "web"]
    pod.spec = ["containers": [["name": "c", "image": "web:1"]]]
    return pod
  }

  /// Pods come and go by dozens: at rest every slice holds 100 at most, every pod stands in one, once, and a single pod
  /// more is a single write.
  @Test func manyPodsComeAndGo() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(
      """
      apiVersion: v1
      kind: Service
      metadata: {name: web, labels: {team: x}}
      spec: {selector: {app: web}, ports: [{port: 80}]}
      """)
    var generator = SplitMix(state: 7)
    var present: Set<Int> = []
    for _ in 0..<4 {
      for number in 0..<160 where Bool.random(using: &generator) {
        if present.remove(number) != nil {
          try cluster.client.delete(.pods, namespace: "default", name: "web-\(number)", .init(gracePeriodSeconds: 0))
        } else {
          try cluster.client.create(.pods, pod(number))
          present.insert(number)
        }
      }
      try cluster.eventually("slices hold exactly the pods") {
        let held = addresses(try slices(cluster)).sorted()
        let pods = try cluster.list(.pods, "app=web")
        return pods.count == present.count
          && pods.allSatisfy { $0.status["podIP"].string != nil }
          && held == pods.compactMap { $0.status["podIP"].string }.sorted()
      }
      #expect(try slices(cluster).allSatisfy { $0.json["endpoints"].elements.count <= 100 })
    }
    try cluster.eventually("ready") {
      try slices(cluster).allSatisfy { $0.json["endpoints"].elements.allSatisfy { $0["conditions", "ready"] == true } }
    }
    let before = Dictionary(uniqueKeysWithValues: try slices(cluster).map { ($0.name, $0.resourceVersion) })
    try cluster.client.create(.pods, pod(1000))
    try cluster.eventually("one more") { addresses(try slices(cluster)).count == present.count + 1 }
    let after = try slices(cluster)
    #expect(after.count { before[$0.name] != $0.resourceVersion } == 1)
    let slice = try #require(after.first)
    #expect(slice.name.hasPrefix("web-") && slice.metadata["generateName"] == "web-")
    #expect(slice.labels["team"] == "x")
    #expect(after.contains { $0.annotations[ChangeTriggerTimes.annotation].flatMap { Timestamp($0) } != nil })
  }

  @Test func endpointsAreMirroredUntilThereIsASelector() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    try cluster.apply(
      """
      apiVersion: v1
      kind: Endpoints
      metadata: {name: outside, labels: {team: x}}
      subsets:
      - addresses: [{ip: 192.0.2.1}, {ip: 192.0.2.2}]
        ports: [{name: http, port: 8080}]
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: outside}
      spec: {ports: [{name: http, port: 80}]}
      """)
    try cluster.eventually("mirrored") { addresses(try slices(cluster, "outside")) == ["192.0.2.1", "192.0.2.2"] }
    let slice = try #require(try slices(cluster, "outside").first)
    #expect(slice.json["ports"][0]["port"] == 8080)
    #expect(slice.labels["team"] == "x")
    #expect(slice.controller?.kind == "Endpoints")
    // A slice that somebody edits, and one that somebody deletes, come back.
    try cluster.client.patch(
      .endpointSlices, namespace: "default", name: slice.name, .merge, ["endpoints": [["addresses": ["192.0.2.9"]]]])
    try cluster.eventually("put right") { addresses(try slices(cluster, "outside")) == ["192.0.2.1", "192.0.2.2"] }
    try cluster.client.patch(
      .endpoints, namespace: "default", name: "outside", .merge,
      ["subsets": [["addresses": [["ip": "192.0.2.2"]], "ports": [["name": "http", "port": 8080]]]]])
    try cluster.eventually("one gone") { addresses(try slices(cluster, "outside")) == ["192.0.2.2"] }
    try cluster.client.patch(
      .endpoints, namespace: "default", name: "outside", .merge,
      ["metadata": ["labels": ["endpointslice.kubernetes.io/skip-mirror": "true"]]])
    try cluster.eventually("not mirrored") { try slices(cluster, "outside").isEmpty }
    #expect(try cluster.list(.endpointSlices, "kubernetes.io/service-name=kubernetes").count <= 1)
    try cluster.client.delete(.services, namespace: "default", name: "outside")
    try cluster.eventually("Endpoints go with the Service") {
      try cluster.client.find(.endpoints, namespace: "default", name: "outside") == nil
    }
  }

  @Test func hintsFollowTheZones() throws {
    let cluster = try ClusterFixture()
    defer { cluster.stop() }
    for (node, zone) in [("n1", "a"), ("n2", "b"), ("n3", "b")] {
      try cluster.client.patch(
        .nodes, name: node, .merge, ["metadata": ["labels": ["topology.kubernetes.io/zone": .string(zone)]]])
      try cluster.client.patch(
        .nodes, name: node, .merge, ["status": ["allocatable": ["cpu": "2"]]], subresource: "status")
    }
    try cluster.apply(
      """
      apiVersion: v1
      kind: Service
      metadata: {name: web}
      spec: {selector: {app: web}, trafficDistribution: PreferSameNode, ports: [{port: 80}]}
      """)
    for number in 0..<6 { try cluster.client.create(.pods, pod(number)) }
    func endpoints() throws -> [JSON] { try slices(cluster).flatMap { $0.json["endpoints"].elements } }
    try cluster.eventually("each serves its node and zone") {
      let all = try endpoints()
      return all.count == 6
        && all.allSatisfy {
          $0["hints", "forNodes"][0]["name"] == $0["nodeName"] && $0["hints", "forZones"][0]["name"] == $0["zone"]
            && !$0["zone"].isNull
        }
    }
    try cluster.client.patch(
      .services, namespace: "default", name: "web", .merge,
      [
        "metadata": ["annotations": ["service.kubernetes.io/topology-mode": "Auto"]],
        "spec": ["trafficDistribution": .null],
      ])
    try cluster.eventually("two of six serve the zone with a third of the CPU") {
      let all = try endpoints()
      return all.allSatisfy { $0["hints", "forNodes"].isNull }
        && all.count { $0["hints", "forZones"][0]["name"] == "a" } == 2
        && all.count { $0["hints", "forZones"][0]["name"] == "b" } == 4
    }
    // A node whose zone nobody knows ends it.
    try cluster.client.patch(
      .nodes, name: "n3", .merge, ["metadata": ["labels": ["topology.kubernetes.io/zone": .null]]])
    try cluster.eventually("no hints") { try endpoints().allSatisfy { $0["hints"].isNull } }
    try cluster.eventually("and an Event says why") {
      try cluster.list(.events).contains { $0.json["reason"] == "TopologyAwareHintsDisabled" }
    }
  }
}
