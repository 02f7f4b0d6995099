import ControlPlane
import JSON
import Kubernetes
import Testing

/// A node's processes try every verb on every kind: what they need works, everything else is forbidden.
@Suite("Access of nodes")
struct NodeAccessTests {
  static let node = APIUser(name: "system:node:a", groups: ["system:nodes", "system:authenticated"])
  let api: APIFixture
  let transport: LocalTransport

  init() throws {
    api = try APIFixture()
    transport = LocalTransport(api.server.handler, user: Self.node)
    for name in ["a", "b"] {
      try api.create("/api/v1/nodes", ["metadata": ["name": .string(name)]])
      var pod = APIFixture.pod("on-\(name)")
      pod["spec", "nodeName"] = .string(name)
      pod["spec", "containers"] = [
        [
          "name": "c", "image": "i",
          "env": [
            ["name": "A", "valueFrom": ["configMapKeyRef": ["name": .string("of-\(name)"), "key": "k"]]],
            ["name": "B", "valueFrom": ["secretKeyRef": ["name": .string("of-\(name)"), "key": "k"]]],
          ],
        ]
      ]
      try api.create(APIFixture.pods, pod)
      try api.create(APIFixture.configMaps, ["metadata": ["name": .string("of-\(name)")]])
      try api.create("/api/v1/namespaces/default/secrets", ["metadata": ["name": .string("of-\(name)")]])
      try api.create(
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", ["metadata": ["name": .string(name)]])
    }
    try api.create("/api/v1/namespaces/default/serviceaccounts", ["metadata": ["name": "default"]])
    try api.create(
      "/api/v1/namespaces/default/secrets",
      ["metadata": ["name": "certificate"], "type": "kubernetes.io/tls", "data": ["tls.crt": "", "tls.key": ""]])
  }

  private func send(_ method: String, _ target: String, _ body: JSON? = nil, type: String = "application/json") throws
    -> (status: Int, json: JSON)
  {
    let response = try transport.send(
      APIRequest(method, target, headers: ["content-type": type], body: body?.bytes() ?? []))
    return (response.status, (try? JSON(parsing: response.body)) ?? .null)
  }

  /// Verb, resource (`pods/status`), group and name: what a node may do of all that can be asked.
  private static let allowed: Set<String> = {
    var allowed: Set<String> = []
    let readable = [
      "": ["nodes", "pods", "services", "endpoints", "namespaces"], "discovery.k8s.io": ["endpointslices"],
      "networking.k8s.io": ["networkpolicies", "ingresses", "ingressclasses", "servicecidrs", "ipaddresses"],
      "coordination.k8s.io": ["leases"],
    ]
    for (group, resources) in readable {
      for resource in resources {
        for verb in ["list", "watch"] { allowed.insert("\(verb) \(group)/\(resource)") }
        for name in ["own", "foreign"] { allowed.insert("get \(group)/\(resource) \(name)") }
      }
    }
    for text in [
      "create /nodes", "update /nodes own", "patch /nodes own", "get /nodes/status own", "update /nodes/status own",
      "patch /nodes/status own", "delete /pods own", "get /pods/status own", "update /pods/status own",
      "patch /pods/status own", "create /pods/eviction own", "create /events", "update /events own",
      "patch /events own", "update /events foreign", "patch /events foreign", "get /configmaps own",
      "get /secrets own", "create /serviceaccounts/token own", "create coordination.k8s.io/leases",
      "update coordination.k8s.io/leases own", "patch coordination.k8s.io/leases own",
      "delete coordination.k8s.io/leases own",
    ] {
      allowed.insert(text)
      if text.contains("/events") { allowed.insert(text.replacing(" /events", with: " events.k8s.io/events")) }
    }
    return allowed
  }()

  /// The name of this node's own object of a kind, or of another's.
  private func name(_ kind: ResourceKind, isOwn: Bool) -> String {
    let node = isOwn ? "a" : "b"
    return switch kind.plural {
    case "nodes", "leases": node
    case "pods": "on-\(node)"
    case "serviceaccounts": isOwn ? "default" : "other"
    default: "of-\(node)"
    }
  }

  @Test func everyVerbOnEveryKind() throws {
    let methods = [
      ("create", "POST", false), ("list", "GET", false), ("watch", "GET", false), ("deletecollection", "DELETE", false),
      ("get", "GET", true), ("update", "PUT", true), ("patch", "PATCH", true), ("delete", "DELETE", true),
    ]
    var seen: Set<String> = []
    for kind in ResourceKinds().all {
      let prefix = kind.group.isEmpty ? "/api/v1" : "/apis/\(kind.apiVersion)"
      let namespace = kind.plural == "leases" ? "kube-node-lease" : "default"
      let base = prefix + (kind.isNamespaced ? "/namespaces/\(namespace)" : "") + "/\(kind.plural)"
      for subresource in [""] + kind.subresources.map(\.rawValue) {
        for (verb, method, needsName) in methods where needsName || subresource.isEmpty || verb == "create" {
          for isOwn in needsName || !subresource.isEmpty ? [true, false] : [true] {
            let object = name(kind, isOwn: isOwn)
            var target = needsName || !subresource.isEmpty ? "\(base)/\(object)" : base
            if !subresource.isEmpty { target += "/\(subresource)" }
            target += "?dryRun=All"
            if verb == "watch" { target += "&watch=1&timeoutSeconds=0" }
            let what = "\(kind.group)/\(kind.plural)\(subresource.isEmpty ? "" : "/\(subresource)")"
            let asked =
              "\(verb) \(what)" + (needsName || !subresource.isEmpty ? (isOwn ? " own" : " foreign") : "")
            let isAllowed = Self.allowed.contains(asked)
            seen.insert(asked)
            // A body that is wrong: whoever may is told so with another code, and nothing is changed.
            let (status, json) = try send(method, target, method == "GET" ? nil : "no object")
            #expect((status == 403) == !isAllowed, "\(asked): \(status) \(json["message"])")
            let attributes: JSON = [
              "verb": .string(verb), "group": .string(kind.group), "resource": .string(kind.plural),
              "subresource": .string(subresource), "namespace": .string(kind.isNamespaced ? namespace : ""),
              "name": .string(needsName || !subresource.isEmpty ? object : ""),
            ]
            let review = try send(
              "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
              ["spec": ["resourceAttributes": attributes]])
            #expect(review.status == 201)
            #expect(review.json["status", "allowed"].bool == isAllowed, "can-i \(asked)")
          }
        }
      }
    }
    // The table says nothing that was not tried.
    #expect(Self.allowed.subtracting(seen).isEmpty, "\(Self.allowed.subtracting(seen).sorted())")
  }

  /// Changes of a node's own objects, and whether they are taken.
  static let changes: [(target: String, patch: JSON, status: Int)] = [
    ("/api/v1/nodes/a", ["metadata": ["annotations": ["x": "y"]]], 200),
    ("/api/v1/nodes/a", ["metadata": ["labels": ["topology.kubernetes.io/zone": "z", "mine": "1"]]], 200),
    ("/api/v1/nodes/a", ["metadata": ["labels": ["node-restriction.kubernetes.io/x": "y"]]], 403),
    ("/api/v1/nodes/a", ["metadata": ["labels": ["node-role.kubernetes.io/control-plane": ""]]], 403),
    ("/api/v1/nodes/a", ["spec": ["taints": [["key": "a", "effect": "NoSchedule"]]]], 403),
    ("/api/v1/nodes/a", ["spec": ["podCIDR": "10.0.0.0/8"]], 403),
    ("/api/v1/nodes/a", ["metadata": ["finalizers": ["a.b/c"]]], 403),
    ("/api/v1/nodes/a/status", ["status": ["phase": "Running"]], 200),
    ("/api/v1/nodes/b/status", ["status": ["phase": "Running"]], 403),
    ("/api/v1/nodes/b", ["metadata": ["annotations": ["x": "y"]]], 403),
    (APIFixture.pods + "/on-a/status", ["status": ["phase": "Running"]], 200),
    (APIFixture.pods + "/on-a/status", ["metadata": ["labels": ["app": "web"]], "status": [:]], 403),
    (APIFixture.pods + "/on-a/status", ["metadata": ["ownerReferences": []], "status": ["phase": "Failed"]], 200),
    (APIFixture.pods + "/on-b/status", ["status": ["phase": "Failed"]], 403),
    (APIFixture.pods + "/on-a", ["metadata": ["annotations": ["x": "y"]]], 403),
    (APIFixture.pods + "/none/status", ["status": ["phase": "Failed"]], 404),
  ]

  @Test func whatItWritesIntoItsOwn() throws {
    for (target, patch, expected) in Self.changes {
      let (status, json) = try send("PATCH", target, patch, type: "application/merge-patch+json")
      #expect(status == expected, "\(target) \(patch): \(json["message"])")
    }
    let (status, json) = try send("POST", "/api/v1/nodes", ["metadata": ["name": "c"]])
    #expect(status == 403)
    #expect(json["message"] == "nodes \"c\" is forbidden: node \"a\" is not allowed to create node \"c\"")
    let leases = "/apis/coordination.k8s.io/v1/namespaces"
    #expect(try send("POST", leases + "/kube-node-lease/leases", ["metadata": ["name": "c"]]).status == 403)
    #expect(try send("POST", leases + "/kube-system/leases", ["metadata": ["name": "a"]]).status == 403)
    #expect(try send("POST", leases + "/default/leases", ["metadata": ["name": "swiftlet-announce-x"]]).status == 403)
    let announcement: JSON = ["metadata": ["name": "swiftlet-announce-10.0.0.1"]]
    #expect(try send("POST", leases + "/swiftlet-leases/leases", announcement).status == 201)
    #expect(try send("DELETE", leases + "/swiftlet-leases/leases/swiftlet-announce-10.0.0.1").status == 200)
    #expect(try send("DELETE", leases + "/kube-system/leases/swiftlet-controllers").status == 403)
  }

  @Test func secretsOfOthersStayHidden() throws {
    let secrets = "/api/v1/namespaces/default/secrets"
    #expect(try send("GET", secrets + "/of-a").status == 200)
    #expect(try send("GET", secrets + "/certificate").status == 200)
    let (status, json) = try send("GET", secrets + "/of-b")
    #expect(status == 403)
    #expect(
      json["message"]
        == "secrets \"of-b\" is forbidden: User \"system:node:a\" cannot get resource \"secrets\" in API group \"\" in the namespace \"default\": no relationship found between node 'a' and this object"
    )
    #expect(json["details"] == ["name": "of-b", "kind": "secrets"])
    let certificates = try send("GET", "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io/tls")
    #expect(certificates.json["items"].elements.compactMap { $0["metadata", "name"].string } == ["certificate"])
    for target in ["/api/v1/secrets", secrets, "/api/v1/secrets?fieldSelector=type%3DOpaque", "/api/v1/configmaps"] {
      #expect(try send("GET", target).status == 403, "\(target)")
    }
  }

  @Test func tokensOnlyForPodsOfItsOwn() throws {
    let target = "/api/v1/namespaces/default/serviceaccounts/default/token"
    func ask(_ bound: JSON) throws -> Int { try send("POST", target, ["spec": ["boundObjectRef": bound]]).status }
    #expect(try ask(["kind": "Pod", "apiVersion": "v1", "name": "on-a"]) == 201)
    #expect(try ask(["kind": "Pod", "apiVersion": "v1", "name": "on-b"]) == 403)
    #expect(try ask(.null) == 403)
    #expect(try ask(["kind": "Node", "apiVersion": "v1", "name": "a"]) == 403)
  }
}
