import ControlPlane
import JSON
import Kubernetes
import Testing

/// Options of writes: dry runs of every verb, validation of fields with refusals and warnings, managers.
@Suite("Options of writes")
struct WriteOptionTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  private func send(_ method: String, _ target: String, _ body: JSON?, type: String = "application/json") throws
    -> (status: Int, warning: String?, json: JSON)
  {
    let response = try api.server.transport.send(
      APIRequest(method, target, headers: ["content-type": type], body: body?.bytes() ?? []))
    return (response.status, response.headers["warning"], (try? JSON(parsing: response.body)) ?? .null)
  }

  private static let merge = "application/merge-patch+json"
  private static let strategic = "application/strategic-merge-patch+json"
  private static let apply = "application/apply-patch+yaml"

  @Test func dryRunsOfEveryVerbChangeNothing() throws {
    try api.create(APIFixture.deployments, APIFixture.deployment("d"))
    try api.create(APIFixture.pods, APIFixture.pod("p"))
    try api.create("/api/v1/namespaces/default/serviceaccounts", ["metadata": ["name": "robot"]])
    var changed = try api.send("GET", APIFixture.deployments + "/d").json
    changed["spec", "replicas"] = 7
    let one = APIFixture.deployments + "/d"
    let applied: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "new"]]
    let writes: [(String, String, JSON?, String, Int)] = [
      ("POST", APIFixture.deployments, APIFixture.deployment("e"), "application/json", 201),
      ("PUT", one, changed, "application/json", 200), ("PATCH", one, ["spec": ["replicas": 8]], Self.merge, 200),
      ("PATCH", one, ["spec": ["replicas": 8]], Self.strategic, 200),
      ("PATCH", one, [["op": "replace", "path": "/spec/replicas", "value": 8]], "application/json-patch+json", 200),
      ("PATCH", APIFixture.configMaps + "/new?fieldManager=m", applied, Self.apply, 201),
      ("PATCH", one + "/scale", ["spec": ["replicas": 8]], Self.merge, 200),
      ("PATCH", one + "/status", ["status": ["replicas": 8]], Self.merge, 200),
      ("POST", APIFixture.pods + "/p/binding", ["target": ["name": "n"]], "application/json", 201),
      ("POST", APIFixture.pods + "/p/eviction", ["metadata": ["name": "p"]], "application/json", 201),
      ("DELETE", one, nil, "", 200), ("DELETE", APIFixture.pods, nil, "", 200),
    ]
    let revision = api.server.store.revision
    for (method, target, body, type, status) in writes {
      let query = target.contains("?") ? "&dryRun=All" : "?dryRun=All"
      let answer = try send(method, target + query, body, type: type)
      #expect(answer.status == status, "\(method) \(target): \(answer.json["message"])")
    }
    #expect(try send("DELETE", one, ["dryRun": ["All"]]).status == 200)
    #expect(api.server.store.revision == revision)
    // What would be is shown.
    #expect(try send("PUT", one + "?dryRun=All", changed).json["spec", "replicas"] == 7)
  }

  @Test(arguments: [
    (
      "POST", "dryRun=Some",
      "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\""
    ),
    (
      "PUT", "fieldValidation=Maybe",
      "UpdateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Maybe\": supported values: \"Ignore\", \"Strict\", \"Warn\""
    ),
    (
      "PATCH", "force=true",
      "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
    ),
    (
      "DELETE", "dryRun=Some",
      "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\": supported values: \"All\""
    ),
  ])
  func optionsThatDoNotExist(_ method: String, _ query: String, _ message: String) throws {
    try api.create(APIFixture.configMaps, ["metadata": ["name": "c"]])
    let target = APIFixture.configMaps + (method == "POST" ? "" : "/c")
    let answer = try send(
      method, "\(target)?\(query)", ["metadata": ["name": "c"]], type: method == "PATCH" ? Self.merge : "")
    #expect(answer.status == 422)
    #expect(answer.json["message"].string == message)
  }

  @Test func applyingNeedsAManager() throws {
    let body: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"]]
    let answer = try send("PATCH", APIFixture.configMaps + "/c", body, type: Self.apply)
    #expect(answer.status == 422)
    #expect(
      answer.json["message"]
        == "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
  }

  @Test func unknownFieldsAreIgnoredWarnedOfOrRefused() throws {
    var pod = APIFixture.pod("p")
    pod["spec", "bogus"] = 1
    pod["spec", "containers"] = [["name": "c", "image": "i", "colour": "x"]]
    let both = "unknown field \"spec.containers[0].colour\", unknown field \"spec.bogus\""
    for (query, status, warns) in [
      ("?dryRun=All", 201, true), ("?dryRun=All&fieldValidation=Warn", 201, true),
      ("?dryRun=All&fieldValidation=Ignore", 201, false), ("?dryRun=All&fieldValidation=Strict", 400, false),
    ] {
      let answer = try send("POST", APIFixture.pods + query, pod)
      #expect(answer.status == status, "\(query)")
      #expect((answer.warning != nil) == warns, "\(query)")
      if warns {
        let parts = both.split(separator: ", ").map { "299 - \"\($0.replacing("\"", with: "\\\""))\"" }
        #expect(Set(parts) == Set((answer.warning ?? "").split(separator: ", ").map(String.init)))
      }
      if status == 400 {
        let message = answer.json["message"].string ?? ""
        #expect(
          message.hasPrefix("Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field"))
        #expect(message.contains("\"spec.bogus\"") && message.contains("\"spec.containers[0].colour\""))
        #expect(answer.json["reason"] == "BadRequest")
      }
    }
  }

  @Test func patchesAndUpdatesAreValidatedToo() throws {
    try api.create(APIFixture.configMaps, ["metadata": ["name": "c"]])
    let target = APIFixture.configMaps + "/c?dryRun=All&fieldManager=m&fieldValidation="
    let bogus: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "bogus": 1]
    for (method, type) in [
      ("PUT", "application/json"), ("PATCH", Self.merge), ("PATCH", Self.strategic), ("PATCH", Self.apply),
    ] {
      #expect(try send(method, target + "Strict", bogus, type: type).status == 400, "\(type)")
      let warned = try send(method, target + "Warn", bogus, type: type)
      #expect(warned.status == 200 && warned.warning == "299 - \"unknown field \\\"bogus\\\"\"", "\(type)")
      #expect(try send(method, target + "Ignore", bogus, type: type).warning == nil, "\(type)")
    }
  }

  /// Requests without a Content-Type are JSON (the Python client sends none).
  @Test func bodiesWithoutAType() throws {
    let response = try api.server.transport.send(
      APIRequest("POST", APIFixture.configMaps, body: Array(#"{"metadata":{"name":"c"}}"#.utf8)))
    #expect(response.status == 201)
  }

  /// Who did what is written down, and a change of hands as well.
  @Test func managersAreRecorded() throws {
    let created = try api.send(
      "POST", APIFixture.configMaps + "?fieldManager=one", ["metadata": ["name": "c"], "data": ["a": "1", "b": "1"]])
    #expect(created.json["metadata", "managedFields"][0]["manager"] == "one")
    #expect(created.json["metadata", "managedFields"][0]["operation"] == "Update")
    let patched = try api.send(
      "PATCH", APIFixture.configMaps + "/c?fieldManager=two", ["data": ["b": "2"]], type: Self.merge)
    let entries = patched.json["metadata", "managedFields"].elements
    #expect(entries.map { $0["manager"].string } == ["one", "two"])
    #expect(entries[0]["fieldsV1", "f:data"] == ["f:a": [:]] || !entries[0]["fieldsV1", "f:data"]["f:a"].isNull)
    #expect(entries[0]["fieldsV1", "f:data"]["f:b"].isNull)
    #expect(!entries[1]["fieldsV1", "f:data"]["f:b"].isNull)
  }

  /// What kubectl does with `apply --server-side` on what `apply` made: hands its fields over to the new manager.
  @Test func fromClientSideToServerSideApply() throws {
    let annotation = "kubectl.kubernetes.io/last-applied-configuration"
    try api.send(
      "POST", APIFixture.configMaps + "?fieldManager=kubectl-client-side-apply",
      [
        "metadata": [
          "name": "c",
          "annotations": .object(.init([(annotation, .string("{\"data\":{\"a\":\"1\",\"gone\":\"1\"}}"))])),
        ],
        "data": ["a": "1", "gone": "1"],
      ])
    try api.send(
      "PATCH", APIFixture.configMaps + "/c?fieldManager=somebody", ["data": ["other": "1"]], type: Self.merge)
    let target = APIFixture.configMaps + "/c?fieldManager="
    func configuration(_ data: JSON) -> JSON {
      ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "data": data]
    }
    var object = try send("PATCH", target + "kubectl", configuration(["a": "1", "gone": "1"]), type: Self.apply).json
    // An apply that holds only the annotation removes nothing of others.
    var partial = configuration(.null)
    partial["metadata", "annotations"] = object["metadata", "annotations"]
    let last = try send("PATCH", target + "kubectl-last-applied&force=true", partial, type: Self.apply)
    #expect(last.status == 200, "\(last.json)")
    #expect(last.json["data"] == ["a": "1", "gone": "1", "other": "1"])
    // Then it takes the old manager's entry out by a JSON patch with the version it saw.
    object = last.json
    let managers = object["metadata", "managedFields"].elements.filter {
      $0["manager"].string != "kubectl-client-side-apply"
    }
    #expect(managers.count == 3)
    let patch: JSON = [
      ["op": "replace", "path": "/metadata/managedFields", "value": .array(managers)],
      ["op": "replace", "path": "/metadata/resourceVersion", "value": object["metadata", "resourceVersion"]],
    ]
    #expect(try send("PATCH", APIFixture.configMaps + "/c", patch, type: "application/json-patch+json").status == 200)
    #expect(try send("PATCH", APIFixture.configMaps + "/c", patch, type: "application/json-patch+json").status == 409)
    // From now on what the configuration leaves out goes, and what is others' stays.
    let result = try send("PATCH", target + "kubectl", configuration(["a": "2"]), type: Self.apply)
    #expect(result.json["data"] == ["a": "2", "other": "1"], "\(result.json)")
  }
}
