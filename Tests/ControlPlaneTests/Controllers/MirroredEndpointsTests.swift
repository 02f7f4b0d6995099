import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct MirroredEndpointsTests {
  static func endpoints(_ subsets: JSON) -> KubernetesObject {
    var endpoints = KubernetesObject(.endpoints, namespace: "default", name: "db")
    endpoints.json["subsets"] = subsets
    return endpoints
  }

  @Test func groupsByFamilyAndPorts() {
    let (groups, skipped, invalid) = MirroredEndpoints(
      endpoints: Self.endpoints([
        [
          "addresses": [["ip": "10.0.0.1", "nodeName": "n", "hostname": "h"], ["ip": "fd00::1"], ["ip": "none"]],
          "notReadyAddresses": [["ip": "10.0.0.2"]], "ports": [["port": 80]],
        ],
        ["addresses": [["ip": "10.0.0.3"]], "ports": [["port": 81, "name": "x", "protocol": "UDP"]]],
      ])
    ).groups()
    #expect(skipped == 0 && invalid == ["none"])
    #expect(groups.map(\.addressType) == ["IPv4", "IPv4", "IPv6"])
    #expect(groups.map(\.endpoints.count) == [2, 1, 1])
    #expect(groups[0].ports == [["name": "", "port": 80, "protocol": "TCP"]])
    #expect(
      groups[0].endpoints[0].json == [
        "addresses": ["10.0.0.1"], "conditions": ["ready": true], "hostname": "h", "nodeName": "n",
      ])
    #expect(groups[0].endpoints[1].json["conditions", "ready"] == false)
  }

  @Test func aThousandASubset() {
    let many = JSON.array((0..<1100).map { ["ip": .string("10.1.\($0 / 250).\($0 % 250)")] })
    let (groups, skipped, _) = MirroredEndpoints(
      endpoints: Self.endpoints([["addresses": many, "ports": [["port": 80]]]])
    ).groups()
    #expect(groups[0].endpoints.count == 1000 && skipped == 100)
  }

  @Test func whatIsNotMirrored() {
    var endpoints = Self.endpoints([])
    endpoints.labels = ["a": "b", "service.kubernetes.io/headless": ""]
    endpoints.annotations = ["k": "v", "kubectl.kubernetes.io/last-applied-configuration": "{}"]
    var mirrored = MirroredEndpoints(endpoints: endpoints)
    #expect(mirrored.isMirrored)
    #expect(mirrored.annotations == ["k": "v"])
    #expect(
      mirrored.labels == [
        "a": "b", "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
      ])
    endpoints.annotations["control-plane.alpha.kubernetes.io/leader"] = "{}"
    mirrored = MirroredEndpoints(endpoints: endpoints)
    #expect(!mirrored.isMirrored)
    endpoints.annotations = [:]
    endpoints.labels["endpointslice.kubernetes.io/skip-mirror"] = "true"
    #expect(!MirroredEndpoints(endpoints: endpoints).isMirrored)
  }

  @Test func triggerTimes() {
    func time(_ text: String) -> Timestamp { Timestamp("2026-01-01T\(text)Z")! }
    var service = ServiceEndpointsTests.service([:])
    service.json["metadata", "creationTimestamp"] = "2026-01-01T00:00:00Z"
    func pod(_ name: String, _ text: String) -> KubernetesObject {
      var pod = Samples.pod(name)
      pod.status["conditions"] = [
        ["type": "Ready", "status": "True", "lastTransitionTime": .string("2026-01-01T\(text)Z")]
      ]
      return pod
    }
    let times = ChangeTriggerTimes()
    // A Service seen for the first time counts from its creation.
    #expect(times.next(service, [pod("a", "00:00:05")]) == time("00:00:00"))
    #expect(times.next(service, [pod("a", "00:00:05")]) == nil)
    #expect(times.next(service, [pod("a", "00:00:09"), pod("b", "00:00:07")]) == time("00:00:07"))
    #expect(times.next(service, [pod("b", "00:00:07")]) == nil)
    times.forget(service.key)
    #expect(times.next(service, []) == time("00:00:00"))
  }
}
