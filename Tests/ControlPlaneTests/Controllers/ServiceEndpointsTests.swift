import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct ServiceEndpointsTests {
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
    ) { $0 == "n" ? "zone1" : nil }
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
      .groups(pods: [Self.pod("a", ["10.0.0.1"], ready: ready, terminating: terminating)]) { _ in nil }[0].endpoints[0]
    #expect(
      endpoint.json["conditions"]
        == ["ready": .bool(isReady), "serving": .bool(isServing), "terminating": .bool(isTerminating)])
  }

  @Test func bothFamilies() {
    let service = Self.service(["ipFamilies": ["IPv4", "IPv6"], "ports": [["port": 80]]])
    let groups = ServiceEndpoints(service: service)
      .groups(pods: [Self.pod("a", ["10.0.0.1", "fd00::1"]), Self.pod("b", ["10.0.0.2"]), Self.pod("c", [])]) { _ in nil
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

  @Test func classicEndpoints() {
    let service = Self.service(["ports": [["port": 80]]])
    let pods = [
      Self.pod("a", ["10.0.0.1"]), Self.pod("b", ["10.0.0.2"], ready: false),
      Self.pod("c", ["10.0.0.3"], terminating: true),
    ]
    let (subsets, isTruncated) = EndpointsController.subsets(service, pods)
    #expect(!isTruncated)
    #expect(subsets.count == 1)
    #expect(subsets[0]["addresses"].elements.map { $0["ip"] } == ["10.0.0.1"])
    #expect(subsets[0]["notReadyAddresses"].elements.map { $0["ip"] } == ["10.0.0.2"])
    #expect(subsets[0]["ports"] == [["port": 80, "protocol": "TCP"]])
    let many = (0..<1100).map { Self.pod("p\($0)", ["10.1.\($0 / 250).\($0 % 250)"]) }
    let (capped, isCapped) = EndpointsController.subsets(service, many)
    #expect(isCapped && capped[0]["addresses"].elements.count == 1000)
  }
}
