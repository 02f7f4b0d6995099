import Addressing
import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// ServiceCIDR and IPAddress objects (KEP-1880), through the API and with the controllers.
@Suite struct ServiceRangeTests {
  static let ranges = "/apis/networking.k8s.io/v1/servicecidrs"
  static let addresses = "/apis/networking.k8s.io/v1/ipaddresses"

  static func range(_ name: String, _ prefixes: String...) -> JSON {
    ["metadata": ["name": .string(name)], "spec": ["cidrs": .array(prefixes.map { .string($0) })]]
  }

  static func ipAddress(_ name: String, _ service: String) -> JSON {
    [
      "metadata": ["name": .string(name), "labels": ["ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"]],
      "spec": ["parentRef": ["resource": "services", "namespace": "default", "name": .string(service)]],
    ]
  }

  private static func dual() throws -> APIFixture {
    try APIFixture { configuration, _ in
      configuration.serviceRanges = [Prefix("10.96.0.0/24")!, Prefix("fd00:10:96::/112")!]
    }
  }

  @Test func anAddressComesAndGoesWithItsService() throws {
    let api = try Self.dual()
    let service = try api.create(APIFixture.services, APIFixture.service("s", ["ipFamilyPolicy": "RequireDualStack"]))
    let names = service["spec", "clusterIPs"].elements.compactMap(\.string)
    #expect(names.count == 2)
    for name in names {
      let object = try api.send("GET", "\(Self.addresses)/\(name)").json
      #expect(
        object["spec", "parentRef"] == ["group": "", "resource": "services", "namespace": "default", "name": "s"])
      #expect(object["metadata", "labels", "ipaddress.kubernetes.io/managed-by"] == "ipallocator.k8s.io")
      #expect(object["metadata", "labels", "ipaddress.kubernetes.io/ip-family"].string == IPAddress(name)?.family.name)
      #expect(try api.send("GET", "/apis/networking.k8s.io/v1beta1/ipaddresses/\(name)").status == 200)
    }
    let patch = "application/strategic-merge-patch+json"
    try api.send("PATCH", APIFixture.services + "/s", ["spec": ["ipFamilyPolicy": "SingleStack"]], type: patch)
    #expect(try api.send("GET", "\(Self.addresses)/\(names[1])").status == 404)
    try api.send(
      "PATCH", APIFixture.services + "/s", ["spec": ["type": "ExternalName", "externalName": "a.b"]], type: patch)
    #expect(try api.send("GET", "\(Self.addresses)/\(names[0])").status == 404)
    try api.create(APIFixture.services, APIFixture.service("t", ["clusterIP": .string(names[0])]))
    try api.send("DELETE", APIFixture.services + "/t")
    #expect(try api.send("GET", "\(Self.addresses)/\(names[0])").status == 404)
    try api.create(APIFixture.services, APIFixture.service("u", ["clusterIP": .string(names[0])]))
    try api.send("DELETE", APIFixture.services + "?labelSelector=!component")
    #expect(try api.send("GET", "\(Self.addresses)/\(names[0])").status == 404)
    // What is not stored takes nothing.
    let before = try api.send("GET", Self.addresses).json["items"].elements.count
    _ = try api.send("POST", APIFixture.services + "?dryRun=All", APIFixture.service("d"))
    _ = try api.send(
      "POST", APIFixture.services,
      APIFixture.service("d", ["type": "NodePort", "ports": [["port": 1, "nodePort": 1]]]))
    #expect(try api.send("GET", Self.addresses).json["items"].elements.count == before)
  }

  @Test func whoCreatesAnIPAddressHasIt() throws {
    let api = try APIFixture(serviceRange: "10.96.0.0/29")
    for index in 2...5 { try api.create(Self.addresses, Self.ipAddress("10.96.0.\(index)", "x")) }
    #expect(try api.create(APIFixture.services, APIFixture.service("s"))["spec", "clusterIP"] == "10.96.0.6")
    let full = try api.send("POST", APIFixture.services, APIFixture.service("t"))
    #expect(full.json["message"] == "Internal error occurred: failed to allocate a serviceIP: range is full")
    let asked = try api.send("POST", APIFixture.services, APIFixture.service("t", ["clusterIP": "10.96.0.3"]))
    #expect(asked.json["message"].string?.hasSuffix("provided IP is already allocated") == true)
    try api.send("DELETE", Self.addresses + "/10.96.0.3")
    #expect(try api.create(APIFixture.services, APIFixture.service("t"))["spec", "clusterIP"] == "10.96.0.3")
    // Somebody takes the object away; the Service has its address still.
    try api.send("DELETE", Self.addresses + "/10.96.0.3")
    #expect(try api.send("POST", APIFixture.services, APIFixture.service("u")).status == 500)
  }

  @Test(arguments: [
    (range("a", "10.0.0.0/24", "10.0.1.0/24"), "may specify no more than one IP for each IP family"),
    (range("a", "10.0.0.0/24", "fd00::/64", "fd01::/64"), "may only hold up to 2 values"),
    (range("a"), "spec.cidrs: Required value"),
    (range("a", "10.0.0.1/24"), "must be a valid CIDR value"),
    (range("a", "fd00::/48"), "shortest allowed prefix length for service CIDR is 64, got 48"),
    (range("a", "fd00:0::/64"), "must be in canonical form (\"fd00::/64\")"),
  ]) func refusedRanges(_ body: JSON, _ words: String) throws {
    let answer = try APIFixture().send("POST", Self.ranges, body)
    #expect(answer.status == 422)
    #expect(answer.json["message"].string?.contains(words) == true, "\(answer.json)")
  }

  @Test(arguments: [
    (ipAddress("10.0.0.300", "s"), "must be a valid IP address"),
    (ipAddress("fd00:0::1", "s"), "must be in canonical form (\"fd00::1\")"),
    (["metadata": ["name": "10.0.0.1"], "spec": [:]] as JSON, "spec.parentRef: Required value"),
  ]) func refusedAddresses(_ body: JSON, _ words: String) throws {
    let answer = try APIFixture().send("POST", Self.addresses, body)
    #expect(answer.status == 422)
    #expect(answer.json["message"].string?.contains(words) == true, "\(answer.json)")
  }

  @Test func fieldsThatStay() throws {
    let api = try APIFixture()
    try api.create(Self.ranges, Self.range("a", "10.1.0.0/24"))
    let merge = "application/merge-patch+json"
    let other = try api.send("PATCH", Self.ranges + "/a", ["spec": ["cidrs": ["10.2.0.0/24"]]], type: merge)
    #expect(
      other.json["message"].string?.contains("spec.cidrs[0]: Invalid value: \"10.2.0.0/24\": field is immutable")
        == true)
    let more = try api.send(
      "PATCH", Self.ranges + "/a", ["spec": ["cidrs": ["10.1.0.0/24", "fd00::/64"]]], type: merge)
    #expect(more.status == 200)
    try api.create(Self.addresses, Self.ipAddress("10.1.0.9", "s"))
    let parent: JSON = ["spec": ["parentRef": ["name": "t"]]]
    #expect(try api.send("PATCH", Self.addresses + "/10.1.0.9", parent, type: merge).status == 422)
  }

  // MARK: With controllers

  private static func cluster() throws -> ClusterFixture {
    var options = ControllerOptions()
    options.serviceRanges = [Prefix("10.96.0.0/16")!]
    return try ClusterFixture(nodes: ["n1"], options: options)
  }

  private static func service(_ name: String, address: String? = nil) -> KubernetesObject {
    var service = KubernetesObject(.services, namespace: "default", name: name)
    service.spec = ["ports": [["port": 80]]]
    if let address { service.spec["clusterIP"] = .string(address) }
    return service
  }

  @Test func rangesComeAndGoLive() throws {
    let cluster = try Self.cluster()
    defer { cluster.stop() }
    let client = cluster.client
    #expect(throws: APIStatus.self) { try client.create(.services, Self.service("a", address: "10.99.0.9")) }
    var range = KubernetesObject(.serviceCIDRs, name: "more")
    range.spec["cidrs"] = ["10.99.0.0/28"]
    try client.create(.serviceCIDRs, range)
    try cluster.eventually("the range is held and ready") {
      let found = try client.get(.serviceCIDRs, name: "more")
      return found.finalizers == [ServiceRangeController.finalizer] && found.isTrue("Ready")
    }
    try client.create(.services, Self.service("a", address: "10.99.0.9"))
    try client.delete(.serviceCIDRs, name: "more")
    try cluster.eventually("the range says why it stays") {
      let found = try client.get(.serviceCIDRs, name: "more").condition("Ready")
      return found["status"] == "False" && found["reason"] == "Terminating"
        && found["message"].string?.contains("still IPAddresses referencing the ServiceCIDR") == true
    }
    // A range that is going gives out nothing, but who has an address of it keeps it.
    #expect(throws: APIStatus.self) { try client.create(.services, Self.service("b", address: "10.99.0.10")) }
    try client.patch(.services, namespace: "default", name: "a", .merge, ["metadata": ["labels": ["x": "y"]]])
    // Another range that covers the address lets it go.
    var cover = KubernetesObject(.serviceCIDRs, name: "cover")
    cover.spec["cidrs"] = ["10.99.0.0/24"]
    try client.create(.serviceCIDRs, cover)
    try cluster.eventually("the covered range goes") { try client.find(.serviceCIDRs, name: "more") == nil }
    #expect(try client.get(.services, namespace: "default", name: "a").spec["clusterIP"] == "10.99.0.9")
    try client.delete(.services, namespace: "default", name: "a")
    try client.delete(.serviceCIDRs, name: "cover")
    try cluster.eventually("the unused range goes") { try client.find(.serviceCIDRs, name: "cover") == nil }
  }

  @Test func theDefaultRangeComesBack() throws {
    let cluster = try Self.cluster()
    defer { cluster.stop() }
    try cluster.eventually("held") {
      try cluster.client.get(.serviceCIDRs, name: "kubernetes").finalizers == [ServiceRangeController.finalizer]
    }
    let uid = try cluster.client.get(.serviceCIDRs, name: "kubernetes").uid
    // The Service of the API has an address of it, which must be covered.
    var cover = KubernetesObject(.serviceCIDRs, name: "cover")
    cover.spec["cidrs"] = ["10.96.0.0/12"]
    try cluster.client.create(.serviceCIDRs, cover)
    try cluster.client.delete(.serviceCIDRs, name: "kubernetes")
    try cluster.eventually("made anew") {
      let found = try cluster.client.find(.serviceCIDRs, name: "kubernetes")
      return found != nil && found?.uid != uid && found?.isTrue("Ready") == true
    }
    #expect(try cluster.client.get(.serviceCIDRs, name: "kubernetes").spec["cidrs"] == ["10.96.0.0/16"])
  }

  @Test func driftIsRepaired() throws {
    let cluster = try Self.cluster()
    defer { cluster.stop() }
    let client = cluster.client
    try client.create(.services, Self.service("a", address: "10.96.7.7"))
    // Missing.
    try client.delete(.ipAddresses, name: "10.96.7.7")
    try cluster.eventually("made anew") { try client.find(.ipAddresses, name: "10.96.7.7") != nil }
    // Of another Service that does not have it.
    try client.delete(.ipAddresses, name: "10.96.7.7")
    var wrong = KubernetesObject(.ipAddresses, name: "10.96.7.7")
    wrong.spec["parentRef"] = ServiceAddress.parent(namespace: "default", name: "nobody")
    while true {
      do {
        try client.create(.ipAddresses, wrong)
        break
      } catch let status as APIStatus where status.isAlreadyExists {
        try client.delete(.ipAddresses, name: "10.96.7.7")
      }
    }
    try client.patch(.services, namespace: "default", name: "a", .merge, ["spec": ["selector": ["x": "y"]]])
    try cluster.eventually("the reference is right") {
      try client.find(.ipAddresses, name: "10.96.7.7")?.spec["parentRef", "name"] == "a"
    }
    try cluster.eventually("told") {
      let reasons = try cluster.list(.events).compactMap { $0.json["reason"].string }
      return Set(["ClusterIPNotAllocated", "IPAddressWrongReference"]).isSubset(of: reasons)
    }
    // Labels.
    try client.patch(
      .ipAddresses, name: "10.96.7.7", .merge, ["metadata": ["labels": ["ipaddress.kubernetes.io/ip-family": "IPv6"]]])
    try client.patch(.services, namespace: "default", name: "a", .merge, ["spec": ["selector": ["x": "z"]]])
    try cluster.eventually("the labels are right") {
      try client.find(.ipAddresses, name: "10.96.7.7")?.labels[ServiceAddress.familyLabel] == "IPv4"
    }
  }

  @Test func orphansGoAfterAMinute() throws {
    let cluster = try Self.cluster()
    defer { cluster.stop() }
    // Stored as if it were old: an API client cannot say when an object was made.
    let young = IPAddress("10.96.8.1")!
    let old = IPAddress("10.96.8.2")!
    let foreign = IPAddress("10.96.8.3")!
    try cluster.server.store.write { transaction in
      for address in [young, old, foreign] {
        var object = ServiceAddress.object(address, service: ["namespace": "default", "name": "gone"])
        if address != young { object["metadata", "creationTimestamp"] = "2026-01-01T00:00:00Z" }
        if address == foreign { object["metadata", "labels"] = ["ipaddress.kubernetes.io/managed-by": "somebody"] }
        transaction.put(ServiceAddress.key(address), object)
      }
    }
    try cluster.eventually("the old one goes") { try cluster.client.find(.ipAddresses, name: "\(old)") == nil }
    #expect(try cluster.client.find(.ipAddresses, name: "\(young)") != nil)
    #expect(try cluster.client.find(.ipAddresses, name: "\(foreign)") != nil)
  }
}
