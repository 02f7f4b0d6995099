import ControlPlane
import JSON
import Kubernetes
import Testing

@Suite("Objects through the API")
struct ObjectLifecycleTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  @Test func everyClusterHasItsFirstObjects() throws {
    let namespaces = try api.send("GET", "/api/v1/namespaces").json["items"].elements.compactMap {
      $0["metadata", "name"].string
    }
    #expect(namespaces == ["default", "kube-node-lease", "kube-public", "kube-system", "swiftlet-leases"])
    let service = try api.send("GET", "/api/v1/namespaces/default/services/kubernetes").json
    #expect(service["spec", "clusterIP"] == "10.96.0.1")
    let slice = try api.send("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes").json
    #expect(slice["endpoints"][0]["addresses"] == ["192.168.77.2"])
  }

  @Test func aCreatedObjectIsCompletedAndReadBack() throws {
    let pod = try api.create(APIFixture.pods, APIFixture.pod("a"))
    #expect(pod["kind"] == "Pod")
    #expect(pod["metadata", "uid"].string?.count == 36)
    #expect(pod["metadata", "generation"] == 1)
    #expect(pod["spec", "restartPolicy"] == "Always")
    #expect(pod["spec", "containers"][0]["imagePullPolicy"] == "IfNotPresent")
    #expect(pod["status", "phase"] == "Pending")
    #expect(try api.send("GET", APIFixture.pods + "/a").json == pod)
  }

  @Test func unknownFieldsSurvive() throws {
    var pod = APIFixture.pod("a")
    pod["spec", "fromTheFuture"] = ["deep": [1, 2]]
    try api.create(APIFixture.pods, pod)
    let patch: JSON = ["metadata": ["labels": ["x": "y"]]]
    try api.send("PATCH", APIFixture.pods + "/a", patch, type: "application/strategic-merge-patch+json")
    #expect(try api.send("GET", APIFixture.pods + "/a").json["spec", "fromTheFuture"] == ["deep": [1, 2]])
  }

  @Test func aStaleUpdateConflictsAndAnUpdateWithoutVersionOverwrites() throws {
    let first = try api.create(APIFixture.configMaps, ["metadata": ["name": "c"], "data": ["a": "1"]])
    var second = first
    second["data", "a"] = "2"
    #expect(try api.send("PUT", APIFixture.configMaps + "/c", second).status == 200)
    let (status, error) = try api.send("PUT", APIFixture.configMaps + "/c", first)
    #expect(status == 409)
    #expect(
      error["message"]
        == "Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the latest version and try again"
    )
    var third = first
    third["metadata", "resourceVersion"] = .null
    #expect(try api.send("PUT", APIFixture.configMaps + "/c", third).status == 200)
  }

  @Test func aWriteThatChangesNothingKeepsTheVersion() throws {
    let first = try api.create(APIFixture.configMaps, ["metadata": ["name": "c"], "data": ["a": "1"]])
    let again = try api.send("PUT", APIFixture.configMaps + "/c", first).json
    #expect(again["metadata", "resourceVersion"] == first["metadata", "resourceVersion"])
  }

  @Test func theGenerationCountsChangesOfTheSpecOnly() throws {
    try api.create(APIFixture.deployments, APIFixture.deployment("d"))
    func patch(_ patch: JSON, _ sub: String = "") throws -> JSON {
      try api.send("PATCH", APIFixture.deployments + "/d" + sub, patch, type: "application/merge-patch+json").json
    }
    #expect(try patch(["metadata": ["labels": ["a": "b"]]])["metadata", "generation"] == 1)
    #expect(try patch(["spec": ["replicas": 3]])["metadata", "generation"] == 2)
    let status = try patch(["status": ["replicas": 3], "spec": ["replicas": 9]], "/status")
    #expect(status["metadata", "generation"] == 2)
    #expect(status["spec", "replicas"] == 3)
    #expect(status["status", "replicas"] == 3)
    #expect(try patch(["status": ["replicas": 7]])["status", "replicas"] == 3)
  }

  @Test func aFinalizerHoldsAnObjectUntilItIsTakenAway() throws {
    try api.create(
      APIFixture.configMaps, ["metadata": ["name": "c", "finalizers": ["example.com/hold"]]])
    let (status, held) = try api.send("DELETE", APIFixture.configMaps + "/c")
    #expect(status == 200)
    #expect(held["kind"] == "ConfigMap")
    #expect(held["metadata", "deletionTimestamp"].string != nil)
    try api.send(
      "PATCH", APIFixture.configMaps + "/c", ["metadata": ["finalizers": nil]], type: "application/merge-patch+json")
    #expect(try api.send("GET", APIFixture.configMaps + "/c").status == 404)
  }

  @Test func aPodOnANodeIsGivenItsGrace() throws {
    try api.create(APIFixture.pods, APIFixture.pod("unscheduled"))
    try api.send("DELETE", APIFixture.pods + "/unscheduled")
    #expect(try api.send("GET", APIFixture.pods + "/unscheduled").status == 404)

    try api.create(APIFixture.pods, APIFixture.pod("a"))
    let binding: JSON = ["kind": "Binding", "apiVersion": "v1", "target": ["kind": "Node", "name": "node1"]]
    #expect(try api.send("POST", APIFixture.pods + "/a/binding", binding).status == 201)
    #expect(try api.send("POST", APIFixture.pods + "/a/binding", binding).status == 409)
    let pod = try api.send("DELETE", APIFixture.pods + "/a", ["gracePeriodSeconds": 5]).json
    #expect(pod["metadata", "deletionGracePeriodSeconds"] == 5)
    #expect(try api.send("GET", APIFixture.pods + "/a").status == 200)
    try api.send("DELETE", APIFixture.pods + "/a", ["gracePeriodSeconds": 0])
    #expect(try api.send("GET", APIFixture.pods + "/a").status == 404)
  }

  @Test func aNamespaceEndsInTwoSteps() throws {
    try api.create("/api/v1/namespaces", ["metadata": ["name": "shop"]])
    let ending = try api.send("DELETE", "/api/v1/namespaces/shop").json
    #expect(ending["status", "phase"] == "Terminating")
    let (status, error) = try api.send("POST", "/api/v1/namespaces/shop/configmaps", ["metadata": ["name": "c"]])
    #expect(status == 403)
    #expect(error["details", "causes"][0]["reason"] == "NamespaceTerminating")
    var finalized = ending
    finalized["spec", "finalizers"] = []
    #expect(try api.send("PUT", "/api/v1/namespaces/shop/finalize", finalized).status == 200)
    #expect(try api.send("GET", "/api/v1/namespaces/shop").status == 404)
    #expect(try api.send("POST", "/api/v1/namespaces/shop/configmaps", ["metadata": ["name": "c"]]).status == 404)
  }

  @Test func aDryRunLeavesNothingBehind() throws {
    let (status, json) = try api.send("POST", APIFixture.services + "?dryRun=All", APIFixture.service("s"))
    #expect(status == 201)
    #expect(json["spec", "clusterIP"].string?.hasPrefix("10.96.") == true)
    #expect(try api.send("GET", APIFixture.services + "/s").status == 404)
  }

  @Test func namesAreGenerated() throws {
    let pod = try api.create(
      APIFixture.pods, ["metadata": ["generateName": "web-"], "spec": APIFixture.pod("x")["spec"]])
    #expect(pod["metadata", "name"].string?.hasPrefix("web-") == true)
    #expect(pod["metadata", "name"].string?.count == 9)
  }

  @Test func theScaleOfADeploymentIsReadAndSet() throws {
    try api.create(APIFixture.deployments, APIFixture.deployment("d"))
    let scale = try api.send("GET", APIFixture.deployments + "/d/scale").json
    #expect(scale["kind"] == "Scale")
    #expect(scale["status", "selector"] == "app=d")
    try api.send(
      "PATCH", APIFixture.deployments + "/d/scale", ["spec": ["replicas": 4]], type: "application/merge-patch+json")
    #expect(try api.send("GET", APIFixture.deployments + "/d").json["spec", "replicas"] == 4)
  }
}
