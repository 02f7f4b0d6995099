import ControlPlane
import JSON
import Kubernetes
import Testing

/// Lists and watches as generic informers use them (client-go's reflector), and what they are refused.
@Suite("Lists and watches of informers")
struct InformerSemanticsTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  private func lines(_ target: String, accept: String = "") throws -> [JSON] {
    let response = try api.server.transport.send(APIRequest("GET", target, headers: ["accept": accept]))
    return try response.body.split(separator: 0x0A).map { try JSON(parsing: Array($0)) }
  }

  private func map(_ name: String) throws -> JSON {
    try api.create(APIFixture.configMaps, ["metadata": ["name": .string(name)], "data": ["a": "b"]])
  }

  /// A query, and the refusal.
  static let refused: [(query: String, status: Int, message: String)] = [
    (
      "resourceVersionMatch=Exact", 422,
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
    ),
    (
      "resourceVersionMatch=Exact&resourceVersion=0", 422,
      "resourceVersionMatch: Forbidden: resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\""
    ),
    ("resourceVersionMatch=Newer&resourceVersion=1", 422, "resourceVersionMatch: Unsupported value: \"Newer\""),
    (
      "resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=MQ==.YQ==.Yg==", 422,
      "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"
    ),
    (
      "sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 422,
      "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"
    ),
    (
      "watch=1&sendInitialEvents=true", 422,
      "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    ),
    (
      "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1", 422,
      "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    ),
    ("resourceVersion=x", 422, "resourceVersion: Invalid value: \"x\""),
    (
      "resourceVersion=5&continue=MQ==.YQ==.Yg==", 400, "specifying resource version is not allowed when using continue"
    ),
    ("continue=nonsense", 400, "continue key is not valid"),
    ("resourceVersion=999999", 504, "Too large resource version: 999999, current:"),
    (
      "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999999", 504,
      "Too large resource version"
    ),
    ("labelSelector=a%3D%3D%3Db", 400, "unable to parse"),
    ("fieldSelector=data.a%3Db", 400, "field label not supported: data.a"),
    ("limit=many", 400, "limit"),
  ]

  @Test(arguments: refused.indices)
  func whatIsRefused(_ index: Int) throws {
    let (query, status, message) = Self.refused[index]
    let answer = try api.send("GET", "\(APIFixture.configMaps)?\(query.replacing("==", with: "%3D%3D"))")
    #expect(answer.status == status)
    #expect(answer.json["kind"] == "Status")
    #expect(answer.json["message"].string?.contains(message) == true, "\(answer.json["message"])")
    if status == 422 {
      #expect(answer.json["message"].string?.hasPrefix("ListOptions.meta.k8s.io \"\" is invalid: ") == true)
    }
    if status == 504 { #expect(answer.json["details", "causes"][0]["reason"] == "ResourceVersionTooLarge") }
  }

  /// Query values and what they mean.
  @Test(arguments: [
    ("true", true), ("1", true), ("", true), ("yes", true), ("False", false), ("0", false), ("FALSE", false),
  ])
  func booleansOfQueries(_ value: String, _ isTrue: Bool) throws {
    _ = try map("a")
    let response = try api.server.transport.send(
      APIRequest("GET", "\(APIFixture.configMaps)?watch=\(value)&timeoutSeconds=0"))
    #expect(
      try JSON(parsing: response.body.split(separator: 0x0A).first.map { Array($0) } ?? [])["type"].isNull == !isTrue)
  }

  @Test func listThenWatchFromThere() throws {
    _ = try map("a")
    for query in [
      "", "?resourceVersion=0", "?limit=500&resourceVersion=0", "?resourceVersion=1&resourceVersionMatch=NotOlderThan",
    ] {
      let list = try api.send("GET", APIFixture.configMaps + query).json
      #expect(list["kind"] == "ConfigMapList" && list["items"].elements.count == 1)
      #expect(list["items"][0]["kind"].isNull && list["items"][0]["apiVersion"].isNull)
      let revision = try #require(list["metadata", "resourceVersion"].string)
      #expect(try lines("\(APIFixture.configMaps)?watch=true&timeoutSeconds=0&resourceVersion=\(revision)").isEmpty)
    }
  }

  @Test func aListOfExactlyOneMoment() throws {
    let first = try map("a")
    let revision = try #require(first["metadata", "resourceVersion"].string)
    _ = try map("b")
    let target = "\(APIFixture.configMaps)?resourceVersionMatch=Exact&resourceVersion=\(revision)"
    let list = try api.send("GET", target).json
    #expect(list["items"].elements.count == 1)
    #expect(list["metadata", "resourceVersion"].string == revision)
  }

  @Test func theNewestInformersOpenWithAWatch() throws {
    _ = try map("a")
    let query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=0"
    for version in ["", "&resourceVersion=0", "&resourceVersion=1"] {
      let seen = try lines("\(APIFixture.configMaps)?\(query)&allowWatchBookmarks=true\(version)")
      #expect(seen.map { $0["type"].string }.prefix(2) == ["ADDED", "BOOKMARK"])
      let bookmark = seen[1]["object"]
      #expect(bookmark["metadata", "annotations", "k8s.io/initial-events-end"] == "true")
      #expect(bookmark["kind"] == "ConfigMap" && bookmark["apiVersion"] == "v1")
      let revision = try #require(bookmark["metadata", "resourceVersion"].string)
      // From the bookmark on nothing is missing and nothing comes twice.
      #expect(try lines("\(APIFixture.configMaps)?watch=1&timeoutSeconds=0&resourceVersion=\(revision)").isEmpty)
    }
    let none = try lines(
      "\(APIFixture.configMaps)?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=0")
    #expect(none.isEmpty)
  }

  @Test func bookmarksComeBeforeTheEnd() throws {
    let seen = try lines("\(APIFixture.configMaps)?watch=1&timeoutSeconds=0&allowWatchBookmarks=true")
    #expect(seen.map { $0["type"].string } == ["BOOKMARK"])
    #expect(seen[0]["object", "metadata", "resourceVersion"].string != nil)
    #expect(try lines("\(APIFixture.configMaps)?watch=1&timeoutSeconds=0").isEmpty)
  }

  @Test func aPagedListThatGrewTooOldGoesOnWithANewToken() throws {
    let api = try APIFixture { configuration, _ in configuration.historyLimit = StoreHistoryLimit(changes: 8) }
    for name in ["a", "b", "c", "d"] { try api.create(APIFixture.configMaps, ["metadata": ["name": .string(name)]]) }
    let first = try api.send("GET", APIFixture.configMaps + "?limit=2").json
    #expect(first["metadata", "remainingItemCount"] == 2)
    #expect(
      try api.send("GET", APIFixture.configMaps + "?limit=2&labelSelector=!x").json["metadata", "remainingItemCount"]
        .isNull)
    for number in 0..<20 {
      try api.send(
        "PATCH", APIFixture.configMaps + "/a", ["data": ["n": .string("\(number)")]],
        type: "application/merge-patch+json")
    }
    func page(_ token: JSON) throws -> (status: Int, json: JSON) {
      try api.send(
        "GET", "\(APIFixture.configMaps)?limit=9&continue=\((token.string ?? "").replacing("=", with: "%3D"))")
    }
    let expired = try page(first["metadata", "continue"])
    #expect(expired.status == 410)
    #expect(expired.json["reason"] == "Expired")
    let rest = try page(expired.json["metadata", "continue"])
    #expect(rest.status == 200)
    #expect(rest.json["items"].elements.compactMap { $0["metadata", "name"].string } == ["c", "d"])
    let exact = try api.send("GET", "\(APIFixture.configMaps)?resourceVersion=2&resourceVersionMatch=Exact")
    #expect(exact.status == 410)
  }

  @Test func metadataAlone() throws {
    _ = try map("a")
    let type =
      "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
    let one = try api.send("GET", APIFixture.configMaps + "/a", accept: type).json
    #expect(one["kind"] == "PartialObjectMetadata" && one["apiVersion"] == "meta.k8s.io/v1")
    #expect(one["metadata", "name"] == "a" && one["data"].isNull)
    let list = try api.send("GET", APIFixture.configMaps, accept: type.replacing("Metadata;", with: "MetadataList;"))
      .json
    #expect(list["kind"] == "PartialObjectMetadataList")
    #expect(list["items"][0]["metadata", "name"] == "a" && list["items"][0]["data"].isNull)
    let seen = try lines("\(APIFixture.configMaps)?watch=1&timeoutSeconds=0&allowWatchBookmarks=true", accept: type)
    #expect(seen.map { $0["object", "kind"].string } == ["PartialObjectMetadata", "PartialObjectMetadata"])
  }

  /// Whatever a client accepts, it gets JSON.
  @Test(arguments: [
    "application/vnd.kubernetes.protobuf,application/json", "application/vnd.kubernetes.protobuf, */*",
    "application/vnd.kubernetes.protobuf", "application/cbor", "text/html", "",
    "application/json;as=Table;v=v9;g=meta.k8s.io,application/json",
  ])
  func neverNotAcceptable(_ accept: String) throws {
    _ = try map("a")
    let response = try api.server.transport.send(
      APIRequest("GET", APIFixture.configMaps + "/a", headers: ["accept": accept]))
    #expect(response.status == 200)
    #expect(response.headers["content-type"] == "application/json")
    #expect(try JSON(parsing: response.body)["kind"] == "ConfigMap")
  }

  /// Kinds, selectors, and how many of two objects they find.
  static let selections: [(path: String, objects: [JSON], selector: String, count: Int)] = [
    (APIFixture.pods, pods, "spec.nodeName=n1", 1), (APIFixture.pods, pods, "spec.nodeName!=n1", 1),
    (APIFixture.pods, pods, "status.phase=Pending", 2), (APIFixture.pods, pods, "status.phase!=Pending", 0),
    (APIFixture.pods, pods, "spec.restartPolicy=Never", 1),
    (APIFixture.pods, pods, "spec.schedulerName=default-scheduler", 2),
    (APIFixture.pods, pods, "status.podIP=", 2), (APIFixture.pods, pods, "spec.serviceAccountName=default", 2),
    (APIFixture.pods, pods, "metadata.name=a,metadata.namespace=default", 1),
    (APIFixture.pods, pods, "spec.containers=x", -1),
    ("/api/v1/nodes", nodes, "spec.unschedulable=true", 1), ("/api/v1/nodes", nodes, "spec.unschedulable=false", 1),
    ("/api/v1/nodes", nodes, "spec.podCIDR=x", -1),
    ("/api/v1/namespaces", nodes, "status.phase=Active", 7), ("/api/v1/namespaces", nodes, "metadata.name=a", 1),
    ("/api/v1/namespaces/default/secrets", secrets, "type=Opaque", 1),
    ("/api/v1/namespaces/default/secrets", secrets, "type!=Opaque", 1),
    ("/api/v1/namespaces/default/secrets", secrets, "data=x", -1),
    (APIFixture.services, services, "spec.clusterIP=None", 1),
    (APIFixture.services, services, "spec.type=ClusterIP", 3),
    ("/api/v1/namespaces/default/events", events, "involvedObject.name=p", 1),
    (
      "/api/v1/namespaces/default/events", events,
      "involvedObject.kind=Pod,involvedObject.uid=u,involvedObject.namespace=default", 1
    ),
    ("/api/v1/namespaces/default/events", events, "reason=Started", 1),
    ("/api/v1/namespaces/default/events", events, "type!=Normal", 1),
    ("/api/v1/namespaces/default/events", events, "source=kubelet", 1),
    ("/api/v1/namespaces/default/events", events, "involvedObject.fieldPath=", 2),
    ("/apis/events.k8s.io/v1/namespaces/default/events", [], "regarding.name=p", 0),
    ("/apis/apps/v1/namespaces/default/deployments", [], "metadata.name=a", 0),
    ("/apis/apps/v1/namespaces/default/deployments", [], "spec.replicas=1", -1),
    ("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", [], "metadata.name=kubernetes", 1),
    ("/apis/coordination.k8s.io/v1/leases", [], "metadata.name=a", 0),
  ]
  private static let container: JSON = [["name": "c", "image": "i"]]
  private static let pods: [JSON] = [
    [
      "metadata": ["name": "a"],
      "spec": ["nodeName": "n1", "restartPolicy": "Never", "serviceAccountName": "default", "containers": container],
    ],
    ["metadata": ["name": "b"], "spec": ["serviceAccountName": "default", "containers": container]],
  ]
  private static let nodes: [JSON] = [
    ["metadata": ["name": "a"], "spec": ["unschedulable": true]], ["metadata": ["name": "b"]],
  ]
  private static let secrets: [JSON] = [
    ["metadata": ["name": "a"]], ["metadata": ["name": "b"], "type": "example.com/x"],
  ]
  private static let services: [JSON] = [
    ["metadata": ["name": "a"], "spec": ["clusterIP": "None", "ports": [["port": 1]]]],
    ["metadata": ["name": "b"], "spec": ["ports": [["port": 1]]]],
  ]
  private static let events: [JSON] = [
    [
      "metadata": ["name": "a"], "reason": "Started", "type": "Normal", "source": ["component": "kubelet"],
      "involvedObject": ["kind": "Pod", "name": "p", "namespace": "default", "uid": "u"],
    ],
    [
      "metadata": ["name": "b"], "reason": "Failed", "type": "Warning", "reportingComponent": "x",
      "involvedObject": ["kind": "Pod", "name": "q", "namespace": "default"],
    ],
  ]

  @Test(arguments: selections.indices)
  func fieldSelectors(_ index: Int) throws {
    let (path, objects, selector, count) = Self.selections[index]
    for object in objects { try api.create(path, object) }
    let query = selector.replacing("=", with: "%3D").replacing("!", with: "%21")
    let (status, json) = try api.send("GET", "\(path)?fieldSelector=\(query)")
    #expect((status == 400) == (count < 0), "\(json["message"])")
    if count >= 0 { #expect(json["items"].elements.count == count) }
  }

  @Test(arguments: [
    ("app=web", ["a"]), ("app==web", ["a"]), ("app!=web", ["b", "c"]), ("app in (web,db)", ["a", "b"]),
    ("app notin (web)", ["b", "c"]), ("app", ["a", "b"]), ("!app", ["c"]), ("level>3", ["b"]), ("level<3", ["a"]),
    ("app,level>0", ["a", "b"]), ("", ["a", "b", "c"]),
  ])
  func labelSelectors(_ selector: String, _ names: [String]) throws {
    for (name, labels) in [
      ("a", ["app": "web", "level": "1"] as JSON), ("b", ["app": "db", "level": "5"]), ("c", ["other": "x"]),
    ] {
      try api.create(APIFixture.configMaps, ["metadata": ["name": .string(name), "labels": labels]])
    }
    let hex = Array("0123456789ABCDEF")
    let query = selector.utf8.map { "%\(hex[Int($0 >> 4)])\(hex[Int($0 & 15)])" }.joined()
    let list = try api.send("GET", "\(APIFixture.configMaps)?labelSelector=\(query)").json
    #expect(list["items"].elements.compactMap { $0["metadata", "name"].string } == names)
  }
}
