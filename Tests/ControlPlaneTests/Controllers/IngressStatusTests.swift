import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// Nodes say that their gateway serves; the control plane tells where in the Ingresses.
@Suite struct IngressStatusTests {
  @Test func ingressesTellWhereTheyAreServed() throws {
    let cluster = try ClusterFixture(nodes: ["n1", "n2"])
    defer { cluster.stop() }
    try cluster.apply(
      """
      apiVersion: networking.k8s.io/v1
      kind: IngressClass
      metadata: {name: ours}
      spec: {controller: swiftlet.dev/ingress}
      ---
      apiVersion: networking.k8s.io/v1
      kind: IngressClass
      metadata: {name: other}
      spec: {controller: example.com/ingress}
      \(["ours", "other", "swiftlet"].map(Self.ingress).joined())
      """)
    func served(_ name: String) throws -> [String] {
      try cluster.client.get(.ingresses, namespace: "default", name: name).status["loadBalancer", "ingress"].elements
        .compactMap { $0["ip"].string }
    }
    for (number, name) in ["n1", "n2"].enumerated() {
      let address: JSON = ["type": "InternalIP", "address": .string("192.0.2.\(number + 1)")]
      try cluster.client.patch(
        .nodes, name: name, .merge, ["status": ["addresses": [address]]], subresource: "status")
    }
    func mark(_ node: String, _ value: JSON) throws {
      try cluster.client.patch(
        .nodes, name: node, .merge, ["metadata": ["annotations": ["swiftlet.dev/serves-ingresses": value]]])
    }
    try mark("n2", "true")
    try cluster.eventually("at the gateway") {
      try served("ours") == ["192.0.2.2"] && served("swiftlet") == ["192.0.2.2"]
    }
    try mark("n1", "true")
    try cluster.eventually("at both") { try served("ours") == ["192.0.2.1", "192.0.2.2"] }
    try mark("n2", .null)
    try cluster.eventually("at the first alone") { try served("ours") == ["192.0.2.1"] }
    #expect(try served("other").isEmpty)
    // A class that becomes ours.
    try cluster.client.delete(.ingressClasses, name: "other")
    try cluster.apply(
      """
      apiVersion: networking.k8s.io/v1
      kind: IngressClass
      metadata: {name: other}
      spec: {controller: swiftlet.dev/ingress}
      """)
    try cluster.eventually("there too") { try served("other") == ["192.0.2.1"] }
    // Nobody says so any more: then it is somebody else's to tell.
    try mark("n1", .null)
    try cluster.client.patch(.nodes, name: "n2", .merge, ["metadata": ["labels": ["a": "b"]]])
    #expect(try served("ours") == ["192.0.2.1"])
  }

  private static func ingress(_ className: String) -> String {
    """

    ---
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: \(className)}
    spec:
      ingressClassName: \(className)
      defaultBackend: {service: {name: web, port: {number: 80}}}
    """
  }
}
