import JSON
import Testing

@Suite("Default IngressClass")
struct DefaultIngressClassTests {
  static let classes = "/apis/networking.k8s.io/v1/ingressclasses"
  static let ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"

  static func ingressClass(_ name: String, isDefault: Bool = true) -> JSON {
    [
      "metadata": [
        "name": .string(name),
        "annotations": ["ingressclass.kubernetes.io/is-default-class": .string(isDefault ? "true" : "false")],
      ], "spec": ["controller": "example.com/controller"],
    ]
  }

  static func ingress(_ name: String, class chosen: String? = nil, annotations: JSON = [:]) -> JSON {
    var spec: JSON = ["defaultBackend": ["service": ["name": "web", "port": ["number": 80]]]]
    if let chosen { spec["ingressClassName"] = .string(chosen) }
    return ["metadata": ["name": .string(name), "annotations": annotations], "spec": spec]
  }

  @Test func anIngressWithoutOneGetsTheDefault() throws {
    let api = try APIFixture()
    #expect(try api.create(Self.ingresses, Self.ingress("early"))["spec", "ingressClassName"].isNull)
    try api.create(Self.classes, Self.ingressClass("other", isDefault: false))
    #expect(try api.create(Self.ingresses, Self.ingress("none"))["spec", "ingressClassName"].isNull)
    try api.create(Self.classes, Self.ingressClass("ours"))
    #expect(try api.create(Self.ingresses, Self.ingress("a"))["spec", "ingressClassName"] == "ours")
    #expect(try api.create(Self.ingresses, Self.ingress("b", class: "other"))["spec", "ingressClassName"] == "other")
    let old = Self.ingress("c", annotations: ["kubernetes.io/ingress.class": "nginx"])
    #expect(try api.create(Self.ingresses, old)["spec", "ingressClassName"].isNull)
    // Only what is created: the ones before stay as they are.
    let change: JSON = ["metadata": ["labels": ["a": "b"]]]
    let changed = try api.send("PATCH", Self.ingresses + "/early", change, type: "application/merge-patch+json").json
    #expect(changed["metadata", "labels", "a"] == "b")
    #expect(changed["spec", "ingressClassName"].isNull)
    try api.send("DELETE", Self.classes + "/ours")
    #expect(try api.create(Self.ingresses, Self.ingress("d"))["spec", "ingressClassName"].isNull)
  }

}
