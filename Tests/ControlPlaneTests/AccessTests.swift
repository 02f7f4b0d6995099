import ControlPlane
import JSON
import Kubernetes
import Testing

@Suite("Access")
struct AccessTests {
  let api: APIFixture

  init() throws { api = try APIFixture() }

  private static func user(_ name: String, _ groups: [String] = []) -> APIUser {
    APIUser(name: name, groups: groups + ["system:authenticated"])
  }

  private func send(
    _ user: APIUser, _ method: String, _ target: String, _ body: JSON? = nil, headers: [String: String] = [:]
  ) throws -> (status: Int, json: JSON) {
    let response = try LocalTransport(api.server.handler, user: user).send(
      APIRequest(method, target, headers: headers, body: body?.bytes() ?? []))
    return (response.status, (try? JSON(parsing: response.body)) ?? .null)
  }

  private static let rbac = "/apis/rbac.authorization.k8s.io/v1"

  private func bind(_ role: String, kind: String = "ClusterRole", to subject: JSON, in namespace: String? = nil) throws
  {
    let path =
      namespace.map { "\(Self.rbac)/namespaces/\($0)/rolebindings" } ?? "\(Self.rbac)/clusterrolebindings"
    try api.create(
      path,
      [
        "metadata": ["generateName": "b-"], "subjects": [subject],
        "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": .string(kind), "name": .string(role)],
      ])
  }

  /// Who wants what, and the refusal.
  static let refusals: [(APIUser, String, String, String)] = [
    (
      user("jane"), "GET", "/api/v1/namespaces/default/pods",
      "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
    ),
    (
      user("jane"), "GET", "/api/v1/pods?watch=1",
      "pods is forbidden: User \"jane\" cannot watch resource \"pods\" in API group \"\" at the cluster scope"
    ),
    (
      user("jane"), "GET", "/api/v1/nodes/a",
      "nodes \"a\" is forbidden: User \"jane\" cannot get resource \"nodes\" in API group \"\" at the cluster scope"
    ),
    (
      user("jane"), "PATCH", "/apis/apps/v1/namespaces/x/deployments/d/scale",
      "deployments.apps \"d\" is forbidden: User \"jane\" cannot patch resource \"deployments/scale\" in API group \"apps\" in the namespace \"x\""
    ),
    (
      user("jane"), "DELETE", "/api/v1/namespaces/default/secrets",
      "secrets is forbidden: User \"jane\" cannot deletecollection resource \"secrets\" in API group \"\" in the namespace \"default\""
    ),
    (user("jane"), "GET", "/metrics", "forbidden: User \"jane\" cannot get path \"/metrics\""),
    (
      .anonymous, "GET", "/api/v1/pods",
      "pods is forbidden: User \"system:anonymous\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
    ),
    (
      user("system:serviceaccount:default:default", ["system:serviceaccounts"]), "GET",
      "/api/v1/namespaces/default/secrets/x",
      "secrets \"x\" is forbidden: User \"system:serviceaccount:default:default\" cannot get resource \"secrets\" in API group \"\" in the namespace \"default\""
    ),
  ]

  @Test(arguments: refusals.indices)
  func whoHasNoRoleIsRefused(_ index: Int) throws {
    let (user, method, target, message) = Self.refusals[index]
    let (status, json) = try send(user, method, target)
    #expect(status == 403)
    #expect(json["message"].string == message)
    #expect(json["reason"] == "Forbidden")
  }

  @Test func everybodyKnownMayLookAround() throws {
    for path in ["/", "/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/openapi/v2", "/version", "/readyz"] {
      #expect(try send(Self.user("jane"), "GET", path).status == 200, "\(path)")
    }
    #expect(try send(.anonymous, "GET", "/version").status == 200)
    #expect(try send(.anonymous, "GET", "/api").status == 403)
  }

  @Test func rolesGiveWhatTheySayWhereTheySayIt() throws {
    try api.create("/api/v1/namespaces", ["metadata": ["name": "shop"]])
    try api.create(
      "\(Self.rbac)/namespaces/shop/roles",
      [
        "metadata": ["name": "r"],
        "rules": [
          ["verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]],
          ["verbs": ["*"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"]],
          ["verbs": ["patch"], "apiGroups": ["*"], "resources": ["*/scale"]],
        ],
      ])
    let jane: JSON = ["kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "jane"]
    try bind("r", kind: "Role", to: jane, in: "shop")
    let user = Self.user("jane")
    let cases: [(String, String, Bool)] = [
      ("GET", "/api/v1/namespaces/shop/pods", true), ("GET", "/api/v1/namespaces/default/pods", false),
      ("GET", "/api/v1/namespaces/shop/pods?watch=1&timeoutSeconds=0", false),
      ("GET", "/api/v1/pods", false), ("GET", "/api/v1/namespaces/shop/pods/x", true),
      ("GET", "/api/v1/namespaces/shop/pods/x/status", false), ("DELETE", "/api/v1/namespaces/shop/pods/x", false),
      ("GET", "/api/v1/namespaces/shop/configmaps/one", true), ("GET", "/api/v1/namespaces/shop/configmaps/two", false),
      ("GET", "/api/v1/namespaces/shop/configmaps", false),
      ("GET", "/api/v1/namespaces/shop/configmaps?fieldSelector=metadata.name%3Done", true),
      ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/d/scale", true),
      ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/d", false),
    ]
    for (method, target, isAllowed) in cases {
      #expect((try send(user, method, target).status == 403) == !isAllowed, "\(method) \(target)")
    }
    try bind("view", to: ["kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "readers"])
    let reader = Self.user("joe", ["readers"])
    #expect(try send(reader, "GET", "/apis/apps/v1/deployments").status == 200)
    #expect(try send(reader, "GET", "/api/v1/secrets").status == 403)
    try bind("edit", to: ["kind": "ServiceAccount", "name": "robot", "namespace": "shop"], in: "shop")
    let robot = Self.user("system:serviceaccount:shop:robot")
    let map: JSON = ["metadata": ["name": "m"]]
    #expect(try send(robot, "POST", "/api/v1/namespaces/shop/configmaps", map).status == 201)
    #expect(try send(robot, "POST", "/api/v1/namespaces/default/configmaps", map).status == 403)
    #expect(try send(robot, "POST", "\(Self.rbac)/namespaces/shop/roles", map).status == 403)
  }

  @Test func aRoleMayGatherOthers() throws {
    try api.create(
      "\(Self.rbac)/clusterroles",
      [
        "metadata": ["name": "part", "labels": ["gather": "yes"]],
        "rules": [["verbs": ["list"], "apiGroups": [""], "resources": ["pods"]]],
      ])
    try api.create(
      "\(Self.rbac)/clusterroles",
      [
        "metadata": ["name": "whole"],
        "aggregationRule": ["clusterRoleSelectors": [["matchLabels": ["gather": "yes"]]]],
      ])
    try bind("whole", to: ["kind": "User", "name": "jane"])
    #expect(try send(Self.user("jane"), "GET", "/api/v1/pods").status == 200)
    #expect(try send(Self.user("jane"), "GET", "/api/v1/services").status == 403)
  }

  @Test func nobodyHandsOutMoreThanHeHas() throws {
    try bind("admin", to: ["kind": "User", "name": "jane"], in: "default")
    let jane = Self.user("jane")
    let roles = "\(Self.rbac)/namespaces/default/roles"
    func role(_ name: String, _ verbs: JSON, _ resources: JSON) -> JSON {
      [
        "metadata": ["name": .string(name)],
        "rules": [["verbs": verbs, "apiGroups": [""], "resources": resources]],
      ]
    }
    #expect(try send(jane, "POST", roles, role("fine", ["get"], ["pods", "secrets"])).status == 201)
    let (status, json) = try send(jane, "POST", roles, role("more", ["*"], ["*"]))
    #expect(status == 403)
    #expect(json["message"].string?.contains("is attempting to grant RBAC permissions not currently held") == true)
    #expect(try send(jane, "PUT", roles + "/fine", role("fine", ["get"], ["nodes"])).status == 403)
    let bindings = "\(Self.rbac)/namespaces/default/rolebindings"
    func binding(_ role: String) -> JSON {
      [
        "metadata": ["generateName": "b-"], "subjects": [["kind": "User", "name": "joe"]],
        "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role)],
      ]
    }
    #expect(try send(jane, "POST", bindings, binding("view")).status == 201)
    #expect(try send(jane, "POST", bindings, binding("cluster-admin")).status == 403)
    #expect(try send(jane, "POST", "\(Self.rbac)/clusterrolebindings", binding("view")).status == 403)
  }

  @Test func reviewsTellTheTruth() throws {
    try bind("view", to: ["kind": "User", "name": "jane"], in: "default")
    let jane = Self.user("jane")
    func may(_ attributes: JSON, _ field: String = "resourceAttributes") throws -> Bool? {
      let (status, json) = try send(
        jane, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        ["spec": .object(.init([(field, attributes)]))])
      #expect(status == 201)
      return json["status", "allowed"].bool
    }
    #expect(try may(["verb": "list", "resource": "pods", "namespace": "default"]) == true)
    #expect(try may(["verb": "list", "resource": "pods"]) == false)
    #expect(try may(["verb": "create", "resource": "pods", "namespace": "default"]) == false)
    #expect(try may(["verb": "get", "path": "/version"], "nonResourceAttributes") == true)
    #expect(try may(["verb": "get", "path": "/metrics"], "nonResourceAttributes") == false)
    let rules = try send(
      jane, "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", ["spec": ["namespace": "default"]]
    ).json["status"]
    #expect(rules["incomplete"] == false)
    #expect(rules["resourceRules"].elements.contains { $0["resources"].elements.contains("pods") })
    #expect(!rules["resourceRules"].elements.contains { $0["resources"].elements.contains("secrets") })
    let about: JSON = ["resourceAttributes": ["verb": "list", "resource": "pods"], "user": "jane"]
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    #expect(try send(jane, "POST", path, ["spec": about]).status == 403)
    #expect(try api.send("POST", path, ["spec": about]).json["status", "allowed"] == false)
    let local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews"
    #expect(try api.send("POST", local, ["spec": about]).status == 422)
    let whoami = try send(jane, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", [:]).json
    #expect(whoami["status", "userInfo", "username"] == "jane")
    #expect(whoami["status", "userInfo", "groups"] == ["system:authenticated"])
    let neither = try send(jane, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", ["spec": [:]])
    #expect(neither.status == 422)
  }

  @Test func speakingForOthersNeedsTheRight() throws {
    try bind("view", to: ["kind": "User", "name": "jane"], in: "default")
    let admin = Self.user("root", ["system:masters"])
    let target = "/api/v1/namespaces/default/pods"
    #expect(try send(admin, "GET", target, headers: ["impersonate-user": "jane"]).status == 200)
    #expect(try send(admin, "DELETE", target, headers: ["impersonate-user": "jane"]).status == 403)
    #expect(try send(admin, "GET", "/api/v1/pods", headers: ["impersonate-user": "jane"]).status == 403)
    let masters = ["impersonate-user": "x", "impersonate-group": "a, system:masters"]
    #expect(try send(admin, "GET", "/api/v1/pods", headers: masters).status == 200)
    let (status, json) = try send(Self.user("jane"), "GET", target, headers: ["impersonate-user": "root"])
    #expect(status == 403)
    #expect(
      json["message"]
        == "users \"root\" is forbidden: User \"jane\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
    )
    #expect(try send(admin, "GET", target, headers: ["impersonate-group": "x"]).status == 400)
  }

  @Test func theRolesOfEveryClusterAreMadeOnceAndMended() throws {
    let names = try api.send("GET", "\(Self.rbac)/clusterroles").json["items"].elements.compactMap {
      $0["metadata", "name"].string
    }
    for name in ["admin", "cluster-admin", "edit", "view", "system:basic-user", "system:discovery"] {
      #expect(names.contains(name))
    }
    let revision = api.server.store.revision
    try BootstrapRoles(kinds: ResourceKinds()).run(api.server.store)
    #expect(api.server.store.revision == revision)
    try api.send("DELETE", "\(Self.rbac)/clusterroles/view")
    try BootstrapRoles(kinds: ResourceKinds()).run(api.server.store)
    #expect(try api.send("GET", "\(Self.rbac)/clusterroles/view").status == 200)
  }
}
