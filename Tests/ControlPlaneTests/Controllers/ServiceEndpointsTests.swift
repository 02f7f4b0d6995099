import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct ServiceEndpointsTests {
  static let node = Samples.node("n", labels: ["topology.kubernetes.io/zone": "zone1"])

  static func service(_ spec: JSON) -> KubernetesObject {
    var service = KubernetesObject(.services, namespace: "default", name: "web")
    service.spec = spec
    return service
  }

  static func pod(
    _ name: String, _ addresses: [String], port: Int? = nil, ready: Bool = true, terminating: Bool = false
  )
    -> KubernetesObject
  {
    var pod = Samples.pod(
      name, node: "n", ready: ready, terminating: terminating,
      spec: [
        "containers": [
          ["ports": port.map { [["name": "http", "containerPort": .int(Int64($0))]] } ?? []]
        ]
      ])
    pod.status["podIPs"] = .array(addresses.map { ["ip": .string($0)] })
    return pod
  }

  @Test func namedPortsSplitTheGroups() {
    let service = Self.service(["ports": [["name": "w", "port": 80, "targetPort": "http"]]])
    let groups = ServiceEndpoints(service: service).groups(
      pods: [
        Self.pod("a", ["10.0.0.1"], port: 8080), Self.pod("b", ["10.0.0.2"], port: 9090), Self.pod("c", ["10.0.0.3"]),
      ]
    ) { $0 == "n" ? Self.node : nil }
    #expect(groups.count == 3)
    #expect(groups.map { $0.ports[0]["port"].int }.contains(8080))
    #expect(groups.contains { $0.ports == [] && $0.endpoints.count == 1 })
    #expect(groups[0].endpoints[0].json["zone"] == "zone1")
    #expect(groups[0].endpoints[0].json["nodeName"] == "n")
    #expect(
      groups.allSatisfy { group in group.endpoints.allSatisfy { ServiceEndpoints.identity($0.json) == $0.identity } })
  }

  @Test(arguments: [
    (true, false, false, true, true, false), (false, false, false, false, false, false),
    (true, true, false, false, true, true), (false, false, true, true, false, false),
    (true, true, true, true, true, true),
  ])
  func conditions(ready: Bool, terminating: Bool, publish: Bool, isReady: Bool, isServing: Bool, isTerminating: Bool) {
    let service = Self.service(["ports": [["port": 80]], "publishNotReadyAddresses": .bool(publish)])
    let endpoint = ServiceEndpoints(service: service)
      .groups(pods: [Self.pod("a", ["10.0.0.1"], ready: ready, terminating: terminating)]) { _ in Self.node }[0]
      .endpoints[0]
    #expect(
      endpoint.json["conditions"]
        == ["ready": .bool(isReady), "serving": .bool(isServing), "terminating": .bool(isTerminating)])
  }

  @Test func bothFamilies() {
    let service = Self.service(["ipFamilies": ["IPv4", "IPv6"], "ports": [["port": 80]]])
    let groups = ServiceEndpoints(service: service)
      .groups(pods: [Self.pod("a", ["10.0.0.1", "fd00::1"]), Self.pod("b", ["10.0.0.2"]), Self.pod("c", [])]) { _ in
        Self.node
      }
    #expect(groups.map(\.addressType) == ["IPv4", "IPv6"])
    #expect(groups.map(\.endpoints.count) == [2, 1])
  }

  @Test func labelsAndHostname() {
    var service = Self.service(["clusterIP": "None", "ports": []])
    service.labels = ["app": "x", "service.kubernetes.io/headless": "spoofed"]
    #expect(
      ServiceEndpoints(service: service).labels() == [
        "app": "x", "service.kubernetes.io/headless": "", "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      ])
    var pod = Self.pod("a", ["10.0.0.1"])
    pod.spec["hostname"] = "a"
    pod.spec["subdomain"] = "web"
    #expect(ServiceEndpoints(service: service).hostname(of: pod) == "a")
    pod.spec["subdomain"] = "other"
    #expect(ServiceEndpoints(service: service).hostname(of: pod) == nil)
  }

  @Test(
    arguments: [
      ("PreferClose", ["forZones": [["name": "zone1"]]]), ("PreferSameZone", ["forZones": [["name": "zone1"]]]),
      ("PreferSameNode", ["forZones": [["name": "zone1"]], "forNodes": [["name": "n"]]]), ("", .null),
    ] as [(String, JSON)])
  func hints(distribution: String, expected: JSON) {
    var service = Self.service(["ports": [["port": 80]], "trafficDistribution": .string(distribution)])
    func endpoint(_ node: KubernetesObject) -> EndpointSlicePlan.Endpoint {
      ServiceEndpoints(service: service).groups(pods: [Self.pod("a", ["10.0.0.1"])]) { _ in node }[0].endpoints[0]
    }
    #expect(endpoint(Self.node).hints == expected)
    #expect(endpoint(Self.node).written["hints"] == expected)
    #expect(endpoint(Samples.node("n")).hints["forZones"].isNull)
    service.annotations["service.kubernetes.io/topology-mode"] = "Auto"
    #expect(endpoint(Self.node).hints.isNull)
  }

  @Test func podsWithoutTheirNodeAreLeftOut() {
    let pods = [Self.pod("a", ["10.0.0.1"])]
    var service = Self.service(["ports": [["port": 80]]])
    #expect(ServiceEndpoints(service: service).groups(pods: pods) { _ in nil }[0].endpoints.isEmpty)
    service.spec["publishNotReadyAddresses"] = true
    #expect(ServiceEndpoints(service: service).groups(pods: pods) { _ in nil }[0].endpoints.count == 1)
  }

  @Test func classicEndpoints() {
    var service = Self.service(["ports": [["port": 80]]])
    let pods = [
      Self.pod("a", ["10.0.0.1"]), Self.pod("b", ["10.0.0.2"], ready: false),
      Self.pod("c", ["10.0.0.3"], terminating: true),
    ]
    func addresses(_ json: JSON) -> [String] { json.elements.compactMap { $0["ip"].string } }
    let subsets = EndpointSubsets(service, pods)
    #expect(!subsets.isTruncated && subsets.json.elements.count == 1)
    #expect(addresses(subsets.json[0]["addresses"]) == ["10.0.0.1"])
    #expect(addresses(subsets.json[0]["notReadyAddresses"]) == ["10.0.0.2"])
    #expect(subsets.json[0]["ports"] == [["port": 80, "protocol": "TCP"]])
    service.spec["publishNotReadyAddresses"] = true
    #expect(addresses(EndpointSubsets(service, pods).json[0]["addresses"]) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    service.spec = ["ports": [["port": 80, "targetPort": "http"]]]
    #expect(EndpointSubsets(service, pods).json.isNull)
    service.spec = ["clusterIP": "None", "ports": []]
    #expect(EndpointSubsets(service, pods).json[0]["ports"].isNull)
  }

  /// Ready addresses come first; subsets are cut in proportion.
  @Test(arguments: [
    (1000, 0, 0, 1000, 0, 0, false), (1100, 0, 0, 1000, 0, 0, true), (600, 600, 0, 500, 500, 0, true),
    (900, 0, 300, 900, 0, 100, true), (1001, 0, 5, 1000, 0, 0, true), (999, 1, 1, 999, 1, 0, true),
  ])
  func endpointsAreTruncated(
    first: Int, second: Int, unready: Int, firstLeft: Int, secondLeft: Int, unreadyLeft: Int, isTruncated: Bool
  ) {
    let service = Self.service(["ports": [["port": 80, "targetPort": "http"]]])
    func pods(_ letter: String, _ count: Int, port: Int, ready: Bool = true) -> [KubernetesObject] {
      (0..<count).map {
        Self.pod("\(letter)\($0)", ["10.\(port % 250).\($0 / 250).\($0 % 250)"], port: port, ready: ready)
      }
    }
    let subsets = EndpointSubsets(
      service, pods("a", first, port: 80) + pods("b", second, port: 81) + pods("c", unready, port: 80, ready: false))
    #expect(subsets.isTruncated == isTruncated)
    func count(_ port: Int, _ field: String) -> Int {
      subsets.json.elements.filter { $0["ports"][0]["port"].int == port }.map { $0[field].elements.count }.reduce(0, +)
    }
    #expect(count(80, "addresses") == firstLeft)
    #expect(count(81, "addresses") == secondLeft)
    #expect(count(80, "notReadyAddresses") == unreadyLeft)
  }
}
