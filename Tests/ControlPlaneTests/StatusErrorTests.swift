import ControlPlane
import JSON
import Kubernetes
import Testing

@Suite("Refusals")
struct StatusErrorTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  @Test func missingAndExisting() throws {
    let missing = try api.send("GET", APIFixture.pods + "/x")
    #expect(missing.status == 404)
    #expect(missing.json["message"] == "pods \"x\" not found")
    #expect(missing.json["details"] == ["name": "x", "kind": "pods"])
    #expect(try api.send("GET", APIFixture.deployments + "/x").json["message"] == "deployments.apps \"x\" not found")
    try api.create(APIFixture.pods, APIFixture.pod("x"))
    let existing = try api.send("POST", APIFixture.pods, APIFixture.pod("x"))
    #expect(existing.status == 409)
    #expect(existing.json["reason"] == "AlreadyExists")
    #expect(existing.json["message"] == "pods \"x\" already exists")
  }

  /// What is sent, and the message that must come back.
  static let invalid: [(String, JSON, String)] = [
    (
      APIFixture.services, ["metadata": ["name": "s"], "spec": ["selector": ["a": "b"]]],
      "Service \"s\" is invalid: spec.ports: Required value"
    ),
    (
      APIFixture.services, ["metadata": ["name": "s"], "spec": ["ports": [["port": 0]]]],
      "Service \"s\" is invalid: [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]"
    ),
    (
      APIFixture.services, ["metadata": ["name": "s"], "spec": ["type": "Foo", "ports": [["port": 1]]]],
      "Service \"s\" is invalid: spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
    ),
    (
      APIFixture.services, ["metadata": ["name": "s"], "spec": ["ports": [["port": 1], ["port": 2]]]],
      "Service \"s\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]"
    ),
    (
      APIFixture.pods, ["metadata": ["name": "p"], "spec": ["containers": []]],
      "Pod \"p\" is invalid: spec.containers: Required value"
    ),
    (
      APIFixture.pods, ["metadata": ["name": "p"], "spec": ["containers": [["name": "c"]]]],
      "Pod \"p\" is invalid: spec.containers[0].image: Required value"
    ),
    (
      APIFixture.configMaps, ["metadata": ["name": ""]],
      "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
    ),
    (
      APIFixture.deployments,
      [
        "metadata": ["name": "d"],
        "spec": [
          "selector": ["matchLabels": ["app": "a"]],
          "template": [
            "metadata": ["labels": ["app": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]],
          ],
        ],
      ],
      "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"b\"}: `selector` does not match template `labels`"
    ),
    (
      "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
      [
        "metadata": ["name": "n"],
        "spec": ["podSelector": [:], "ingress": [["from": [["ipBlock": ["cidr": "10.0.0.0/33"]]]]]],
      ],
      "NetworkPolicy.networking.k8s.io \"n\" is invalid: spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"10.0.0.0/33\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
    ),
  ]

  @Test(arguments: invalid.indices)
  func invalidObjectsNameTheFields(_ index: Int) throws {
    let (path, object, message) = Self.invalid[index]
    let (status, json) = try api.send("POST", path, object)
    #expect(status == 422)
    #expect(json["message"].string == message)
    #expect(json["details", "causes"].elements.first?["field"].string?.isEmpty == false)
  }

  @Test func whatMayNotChange() throws {
    try api.create(APIFixture.deployments, APIFixture.deployment("d"))
    let patch: JSON = [
      "spec": ["selector": ["matchLabels": ["app": "z"]], "template": ["metadata": ["labels": ["app": "z"]]]]
    ]
    let refused = try api.send(
      "PATCH", APIFixture.deployments + "/d", patch, type: "application/merge-patch+json")
    #expect(refused.status == 422)
    #expect(refused.json["details", "causes"][0]["field"] == "spec.selector")
    try api.create(APIFixture.services, APIFixture.service("s"))
    let moved = try api.send(
      "PATCH", APIFixture.services + "/s", ["spec": ["clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9"]]],
      type: "application/merge-patch+json")
    #expect(moved.status == 422)
    #expect(moved.json["message"].string?.contains("may not change once set") == true)
  }

  @Test func bodiesThatDoNotFit() throws {
    func status(_ method: String, _ path: String, _ body: String, type: String = "application/json") throws -> Int {
      try api.server.transport.send(
        APIRequest(method, path, headers: ["content-type": type], body: Array(body.utf8))
      ).status
    }
    #expect(try status("POST", APIFixture.pods, "{") == 400)
    #expect(try status("POST", APIFixture.pods, "[]") == 400)
    #expect(try status("POST", APIFixture.pods, #"{"kind":"Service"}"#) == 400)
    #expect(try status("POST", APIFixture.pods, #"{"metadata":{"namespace":"other","name":"x"}}"#) == 400)
    #expect(try status("POST", APIFixture.pods, "a: b", type: "application/yaml") == 415)
    #expect(
      try status("POST", APIFixture.pods, "k8s\0\u{7F}\u{7F}", type: "application/vnd.kubernetes.protobuf") == 400)
    try api.create(APIFixture.pods, APIFixture.pod("x"))
    #expect(try status("PUT", APIFixture.pods + "/x", #"{"metadata":{"name":"y"}}"#) == 400)
    #expect(try status("PATCH", APIFixture.pods + "/x", "{}", type: "text/plain") == 415)
    #expect(try status("GET", "/api/v1/nothing", "") == 404)
    #expect(try status("GET", APIFixture.pods + "?labelSelector=%3D", "") == 400)
    #expect(try status("GET", APIFixture.pods + "?limit=x", "") == 400)
    #expect(try status("GET", APIFixture.pods + "?resourceVersion=999999", "") == 504)
  }

  @Test func valuesOfAnotherTypeAreRefusedByName() throws {
    var deployment = APIFixture.deployment("d")
    deployment["spec", "replicas"] = "three"
    let (status, json) = try api.send("POST", APIFixture.deployments, deployment)
    #expect(status == 400)
    #expect(
      json["message"]
        == "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into field spec.replicas of type int"
    )
    let repeated = try api.server.transport.send(
      APIRequest(
        "POST", APIFixture.configMaps + "?fieldValidation=Strict",
        body: Array(#"{"metadata":{"name":"c"},"data":{"a":"1"},"data":{"a":"2"}}"#.utf8)))
    #expect(repeated.status == 400)
    #expect(String(decoding: repeated.body, as: UTF8.self).contains(#"duplicate field \"data\""#))
  }

  @Test func pagesOfAListAreOfOneMoment() throws {
    for name in ["a", "b", "c", "d", "e"] {
      try api.create(APIFixture.configMaps, ["metadata": ["name": .string(name)]])
    }
    let first = try api.send("GET", APIFixture.configMaps + "?limit=2").json
    #expect(first["items"].elements.compactMap { $0["metadata", "name"].string } == ["a", "b"])
    try api.send("DELETE", APIFixture.configMaps + "/c")
    try api.create(APIFixture.configMaps, ["metadata": ["name": "cc"]])
    let token = try #require(first["metadata", "continue"].string).replacing("=", with: "%3D")
    let rest = try api.send("GET", APIFixture.configMaps + "?limit=9&continue=\(token)").json
    #expect(rest["items"].elements.compactMap { $0["metadata", "name"].string } == ["c", "d", "e"])
    #expect(rest["metadata", "resourceVersion"] == first["metadata", "resourceVersion"])
    #expect(rest["items"][0]["kind"].isNull)
  }
}
