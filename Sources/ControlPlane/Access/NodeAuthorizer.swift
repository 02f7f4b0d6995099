internal import JSON
internal import Kubernetes

/// Access of a node's processes (users `system:node:NAME` of the group `system:nodes`): they read what they carry out, and
/// write what is their node's own. Beyond the verbs here `NodeRestriction` looks at what is written.
struct NodeAuthorizer {
  let store: ObjectStore

  /// Leases by which agents agree on who announces an address.
  static let announcementNamespace = "swiftlet-leases"
  static let announcementPrefix = "swiftlet-announce-"
  static let heartbeatNamespace = "kube-node-lease"
  static let tlsSelector = "type=kubernetes.io/tls"
  private static let read: Set = ["get", "list", "watch"]

  /// What every node may read as a whole.
  private static let readable: [String: Set<String>] = [
    "": ["nodes", "pods", "services", "endpoints", "namespaces"],
    "discovery.k8s.io": ["endpointslices"],
    "networking.k8s.io": ["networkpolicies", "ingresses", "ingressclasses", "servicecidrs", "ipaddresses"],
    "coordination.k8s.io": ["leases"],
  ]

  /// The node whose processes a user is; nil for everybody else.
  static func node(of user: APIUser) -> String? {
    guard user.groups.contains("system:nodes"), user.name.hasPrefix("system:node:") else { return nil }
    let name = String(user.name.dropFirst("system:node:".count))
    return name.isEmpty ? nil : name
  }

  /// Nil if the node may; otherwise why not.
  func refusal(of request: AccessRequest, node: String) -> String? {
    if request.path != nil { return "nodes have no access to this path" }
    if request.subresource.isEmpty, Self.read.contains(request.verb),
      Self.readable[request.group]?.contains(request.resource) == true
    {
      return nil
    }
    switch (request.group, request.resource, request.subresource) {
    case ("", "nodes", ""):
      if request.verb == "create" { return nil }
      return own(["update", "patch"], request, node, "a node may only change its own Node")
    case ("", "nodes", "status"):
      return own(["get", "update", "patch"], request, node, "a node may only change its own Node")
    case ("", "pods", "status"), ("", "pods", ""), ("", "pods", "eviction"): return pod(request, node)
    case ("", "events", ""), ("events.k8s.io", "events", ""):
      return ["create", "update", "patch"].contains(request.verb) ? nil : "a node may only write events"
    case ("coordination.k8s.io", "leases", ""): return lease(request, node)
    case ("", "configmaps", ""), ("", "secrets", ""): return data(request, node)
    case ("", "serviceaccounts", "token"):
      let isOwn = request.verb == "create" && pods(request.namespace, node).contains { account(of: $0) == request.name }
      return isOwn ? nil : "no relationship found between node '\(node)' and this object"
    default: return "nodes have no access to it"
    }
  }

  private func own(_ verbs: Set<String>, _ request: AccessRequest, _ node: String, _ reason: String) -> String? {
    verbs.contains(request.verb) && request.name == node ? nil : reason
  }

  private func pod(_ request: AccessRequest, _ node: String) -> String? {
    let verbs: Set<String>
    switch request.subresource {
    case "status": verbs = ["get", "update", "patch"]
    case "eviction": verbs = ["create"]
    default: verbs = ["delete"]
    }
    guard verbs.contains(request.verb), !request.name.isEmpty else {
      return "a node may only change the status of its own pods, and end them"
    }
    let pod = store.get(StoreKey("pods", namespace: request.namespace, name: request.name))
    // One that is not there is answered with 404, as a node that is late must see.
    guard let pod, pod.value["spec", "nodeName"].string != node else { return nil }
    return "the pod is not on node \"\(node)\""
  }

  private func lease(_ request: AccessRequest, _ node: String) -> String? {
    let verbs: Set = ["create", "update", "patch", "delete"]
    guard verbs.contains(request.verb) else { return "nodes have no access to it" }
    // The name of what is created is in the body: NodeRestriction looks at it.
    let isNew = request.verb == "create"
    switch request.namespace {
    case Self.announcementNamespace where isNew || request.name.hasPrefix(Self.announcementPrefix): return nil
    case Self.heartbeatNamespace where isNew || request.name == node: return nil
    default:
      return "a node may only write its own Lease in \(Self.heartbeatNamespace), and those of announced addresses"
    }
  }

  /// ConfigMaps and Secrets that a pod of the node names; Secrets also as certificates, which every gateway serves.
  private func data(_ request: AccessRequest, _ node: String) -> String? {
    if request.resource == "secrets", request.verb != "get", Self.read.contains(request.verb),
      request.fieldSelector == Self.tlsSelector
    {
      return nil
    }
    let reason = "no relationship found between node '\(node)' and this object"
    guard request.verb == "get", !request.name.isEmpty else { return reason }
    let object = store.get(StoreKey(request.resource, namespace: request.namespace, name: request.name))
    if request.resource == "secrets", object?.value["type"].string == "kubernetes.io/tls" { return nil }
    let isNamed = pods(request.namespace, node).contains { pod in
      PodReferences(pod["spec"]).names(request.resource).contains(request.name)
    }
    return isNamed ? nil : reason
  }

  private func pods(_ namespace: String, _ node: String) -> [JSON] {
    store.list("pods", namespace: namespace).objects.map(\.value).filter { $0["spec", "nodeName"].string == node }
  }

  private func account(of pod: JSON) -> String { pod["spec", "serviceAccountName"].string ?? "default" }

  /// The same as rules, as far as rules can say it: for `SelfSubjectRulesReview`.
  static func rules(node: String) -> [AccessRule] {
    readable.sorted { $0.key < $1.key }.map { AccessRule(read, groups: [$0.key], $0.value) } + [
      AccessRule(["create"], ["nodes"]), AccessRule(["update", "patch"], ["nodes", "nodes/status"], names: [node]),
      AccessRule(["create", "update", "patch"], groups: ["", "events.k8s.io"], ["events"]),
    ]
  }
}
