import Addressing
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// LoadBalancerPools through the API, with the controllers.
@Suite struct LoadBalancerClusterTests {
  private static func pool(_ name: String, _ addresses: String..., change: (inout JSON) -> Void = { _ in })
    -> KubernetesObject
  {
    var pool = KubernetesObject(.loadBalancerPools, name: name)
    pool.spec["addresses"] = .array(addresses.map { .string($0) })
    change(&pool.spec)
    return pool
  }

  private static func service(_ name: String, _ change: (inout KubernetesObject) -> Void = { _ in }) -> KubernetesObject
  {
    var service = KubernetesObject(.services, namespace: "default", name: name)
    service.spec = ["type": "LoadBalancer", "ports": [["port": 80]]]
    change(&service)
    return service
  }

  private static func addresses(_ service: KubernetesObject) -> [String] {
    service.status["loadBalancer", "ingress"].elements.compactMap { $0["ip"].string }
  }

  @Test func aServiceGetsAnAddressAndGivesItBack() throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    let client = cluster.client
    func has(_ name: String) throws -> [String] {
      Self.addresses(try client.get(.services, namespace: "default", name: name))
    }
    func condition(_ name: String) throws -> JSON {
      try client.get(.services, namespace: "default", name: name).condition(LoadBalancerController.condition)
    }
    // Before there is a pool the Service waits and says so.
    try client.create(.services, Self.service("a"))
    try cluster.eventually("waiting") { try condition("a")["reason"] == "NoPool" }
    try client.create(.loadBalancerPools, Self.pool("main", "192.0.2.10-192.0.2.11"))
    try cluster.eventually("an address") { try has("a") == ["192.0.2.10"] }
    let given = try client.get(.services, namespace: "default", name: "a")
    #expect(given.status["loadBalancer", "ingress"][0]["ipMode"] == "VIP")
    #expect(try condition("a")["status"] == "True")
    // What others serve is left alone.
    try client.create(.services, Self.service("other") { $0.spec["loadBalancerClass"] = "example.com/lb" })
    try client.create(
      .services, Self.service("b") { $0.spec["loadBalancerClass"] = .string(LoadBalancerRequest.loadBalancerClass) })
    try cluster.eventually("the second") { try has("b") == ["192.0.2.11"] }
    #expect(try has("other").isEmpty && condition("other").isNull)
    // Full: told by the Service, by Events, and by the pool.
    try client.create(.services, Self.service("c"))
    try cluster.eventually("exhausted") { try condition("c")["reason"] == "Exhausted" }
    try cluster.eventually("counted") {
      let pool = try client.get(.loadBalancerPools, name: "main")
      return pool.status["total"] == 2 && pool.status["used"] == 2 && pool.status["available"] == 0
        && pool.isTrue("Exhausted") && pool.isTrue("Ready")
    }
    try cluster.eventually("told") {
      let reasons = try client.list(.events).items.compactMap { $0.json["reason"].string }
      return Set(["AddressesAllocated", "AddressesNotAllocated", "PoolExhausted"]).isSubset(of: reasons)
    }
    // Another type: what was written goes, and who waits has it.
    try client.patch(.services, namespace: "default", name: "a", .merge, ["spec": ["type": "ClusterIP"]])
    try cluster.eventually("cleared and passed on") { try has("a").isEmpty && has("c") == ["192.0.2.10"] }
    #expect(try condition("a").isNull)
    // Deleted: the next.
    try client.create(.services, Self.service("d") { $0.spec["loadBalancerIP"] = "192.0.2.11" })
    try cluster.eventually("refused") { try condition("d")["reason"] == "InUse" }
    try client.delete(.services, namespace: "default", name: "b")
    try cluster.eventually("what it asked for") { try has("d") == ["192.0.2.11"] }
    // A pool that shrinks takes its addresses back, and one that grows gives.
    try client.patch(.loadBalancerPools, name: "main", .merge, ["spec": ["addresses": ["192.0.2.11", "192.0.2.20"]]])
    try cluster.eventually("moved") { try has("c") == ["192.0.2.20"] }
    #expect(try has("d") == ["192.0.2.11"])
  }

  @Test func namespacesAndSharing() throws {
    let cluster = try ClusterFixture(nodes: ["n1"])
    defer { cluster.stop() }
    let client = cluster.client
    try client.create(
      .loadBalancerPools,
      Self.pool("team", "192.0.2.10/31") { $0["namespaceSelector"] = ["matchLabels": ["team": "x"]] })
    func shared(_ name: String, _ port: Int) -> KubernetesObject {
      Self.service(name) {
        $0.annotations = [LoadBalancerRequest.sharingAnnotation: "k"]
        $0.spec["ports"] = [["port": .int(Int64(port))]]
      }
    }
    try client.create(.services, shared("a", 80))
    try client.create(.services, shared("b", 443))
    func has(_ name: String) throws -> [String] {
      Self.addresses(try client.get(.services, namespace: "default", name: name))
    }
    try cluster.eventually("told") {
      try client.get(.services, namespace: "default", name: "a").condition(LoadBalancerController.condition)["reason"]
        == "NoPool"
    }
    try client.patch(.namespaces, name: "default", .merge, ["metadata": ["labels": ["team": "x"]]])
    try cluster.eventually("one for both") { try !has("a").isEmpty && has("a") == has("b") }
    // A port that comes to clash: the one that changed moves.
    try client.patch(.services, namespace: "default", name: "b", .merge, ["spec": ["ports": [["port": 80]]]])
    try cluster.eventually("two") { try Set(has("a") + has("b")) == ["192.0.2.10", "192.0.2.11"] }
  }

  /// The controllers end and others begin over the same objects: nothing moves, and of two Services with one address the
  /// older one keeps it.
  @Test func anotherLeaderTakesOver() throws {
    let cluster = try ClusterFixture(nodes: [])
    defer { cluster.stop() }
    let client = cluster.client
    try client.create(.loadBalancerPools, Self.pool("main", "192.0.2.0/28"))
    for index in 0..<6 { try client.create(.services, Self.service("s\(index)")) }
    func all() throws -> [String: [String]] {
      Dictionary(
        uniqueKeysWithValues: try cluster.list(.services).filter { $0.name != "kubernetes" }.map {
          ($0.name, Self.addresses($0))
        })
    }
    try cluster.eventually("all") { try all().values.allSatisfy { !$0.isEmpty } }
    let before = try all()
    try cluster.restartControllers {
      // Somebody writes an address that another has.
      var wrong = try client.get(.services, namespace: "default", name: "s5")
      wrong.status["loadBalancer", "ingress"] = [["ip": .string(before["s0"]![0])]]
      try client.updateStatus(.services, wrong)
    }
    try cluster.eventually("put right") { try Set(all().values.joined()).count == 6 }
    let after = try all()
    for name in ["s0", "s1", "s2", "s3", "s4"] { #expect(after[name] == before[name]) }
  }

  private static let unknownOperator: JSON = ["matchExpressions": [["key": "a", "operator": "X"]]]
  private static let refusals: [(JSON, String)] = [
    (["spec": [:]], "spec.addresses: Required value"),
    (["spec": ["addresses": ["192.0.2.1-192.0.2.0"]]], "spec.addresses[0]: Invalid value"),
    (["spec": ["addresses": ["192.0.2.0/24"], "serviceSelector": unknownOperator]], "not a valid selector operator"),
  ]

  @Test(arguments: refusals) func refused(_ body: JSON, _ words: String) throws {
    var body = body
    body["metadata"] = ["name": "a"]
    let answer = try APIFixture().send("POST", "/apis/swiftlet.dev/v1/loadbalancerpools", body)
    #expect(answer.status == 422)
    #expect(answer.json["message"].string?.contains(words) == true, "\(answer.json)")
  }
}
