internal import JSON
internal import Kubernetes

extension APIHandler {
  func serve(_ subresource: ResourceKind.Subresource, of name: String, _ request: ResourceRequest) throws -> APIResponse
  {
    switch (subresource, request.method) {
    case (.status, "GET"):
      guard let object = store.get(request.kind.key(request.namespace, name)) else {
        throw StatusError.notFound(request.kind, name)
      }
      return show(object, request)
    case (.status, "PUT"): return try update(name, request)
    case (.status, "PATCH"): return try patch(name, request)
    case (.scale, "GET"), (.scale, "PUT"), (.scale, "PATCH"): return try scale(name, request)
    case (.binding, "POST"): return try bind(name, request)
    case (.eviction, "POST"): return try evict(name, request)
    case (.finalize, "PUT"): return try finalize(name, request)
    case (.token, "POST"): return try accountToken(name, request)
    default: throw StatusError.methodNotAllowed(request.method)
    }
  }

  static let scaleKind = ResourceKind("autoscaling", "v1", "Scale", "scale", schema: "Scale")
  static let evictionKind = ResourceKind("policy", "v1", "Eviction", "eviction")
  private static let oldEvictionKind = ResourceKind("policy", "v1beta1", "Eviction", "eviction")
  static let streamKinds: [ResourceKind.Subresource: ResourceKind] = [
    .exec: ResourceKind("", "v1", "PodExecOptions", "podexecoptions"),
    .attach: ResourceKind("", "v1", "PodAttachOptions", "podattachoptions"),
    .portforward: ResourceKind("", "v1", "PodPortForwardOptions", "podportforwardoptions"),
  ]
  static let bindingKind = ResourceKind("", "v1", "Binding", "binding")

  private func scale(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    if request.method == "GET" {
      guard let object = store.get(request.kind.key(request.namespace, name)) else {
        throw StatusError.notFound(request.kind, name)
      }
      return .json(Self.scale(of: object))
    }
    let change: (JSON) throws -> JSON
    if request.method == "PUT" {
      let body = try object(request, expecting: Self.scaleKind)
      change = { _ in body }
    } else {
      change = try patchFunction(request, kind: Self.scaleKind)
    }
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      guard let current = transaction.get(request.kind.key(request.namespace, name)) else {
        throw StatusError.notFound(request.kind, name)
      }
      let wanted = try change(Self.scale(of: current))
      let replicas = wanted["spec", "replicas"].int ?? 0
      guard replicas >= 0 else {
        let fault = FieldFault.invalid("spec.replicas", .int(Int64(replicas)), "must be greater than or equal to 0")
        throw StatusError.invalid(Self.scaleKind, name, [fault])
      }
      return try replace(name, request, transaction) { old in
        var object = old
        object["metadata", "resourceVersion"] = wanted["metadata", "resourceVersion"]
        object["spec", "replicas"] = .int(Int64(replicas))
        return object
      }
    }
    return .json(Self.scale(of: stored))
  }

  /// The Scale of a workload (autoscaling/v1).
  private static func scale(of object: StoredObject) -> JSON {
    let value = object.value
    var metadata = JSON.object(.init())
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
      metadata[field] = value["metadata"][field]
    }
    var status: JSON = ["replicas": .int(Int64(value["status", "replicas"].int ?? 0))]
    let isMap = object.key.resource == "replicationcontrollers"
    let selector = LabelSelectorText.text(of: value["spec", "selector"], isMap: isMap)
    if !selector.isEmpty { status["selector"] = .string(selector) }
    return scaleKind.identified([
      "metadata": metadata, "spec": ["replicas": .int(Int64(value["spec", "replicas"].int ?? 0))], "status": status,
    ])
  }

  /// Puts a pod on a node, once.
  private func bind(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    let binding = try object(request, expecting: Self.bindingKind)
    guard let node = binding["target", "name"].string, !node.isEmpty else {
      throw StatusError.invalid(Self.bindingKind, name, [.required("target.name")])
    }
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      let key = request.kind.key(request.namespace, name)
      guard let current = transaction.get(key) else { throw StatusError.notFound(request.kind, name) }
      var pod = current.value
      if !pod["metadata", "deletionTimestamp"].isNull {
        throw StatusError.conflict(request.kind, name, "pod \(name) is being deleted, cannot be assigned to a host")
      }
      if let assigned = pod["spec", "nodeName"].string, !assigned.isEmpty {
        throw StatusError.conflict(request.kind, name, "pod \(name) is already assigned to node \"\(assigned)\"")
      }
      pod["spec", "nodeName"] = .string(node)
      let conditions = pod["status", "conditions"].elements.filter { $0["type"].string != "PodScheduled" }
      let scheduled: JSON = [
        "type": "PodScheduled", "status": "True", "lastTransitionTime": .string(Timestamp.now().description),
      ]
      pod["status", "conditions"] = .array(conditions + [scheduled])
      return transaction.put(key, pod)
    }
    return .success(request.kind, name: name, uid: stored.value["metadata", "uid"].string ?? "", status: 201)
  }

  private func evict(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    // Clients of before 1.22 send the first version, which says the same.
    let isOld = try document(request)["apiVersion"].string == Self.oldEvictionKind.apiVersion
    let eviction = try object(request, expecting: isOld ? Self.oldEvictionKind : Self.evictionKind)
    let options = try DeletionRequest(body: eviction["deleteOptions"], target: request.target)
    let (pod, _) = try store.write(isDryRun: request.isDryRun || options.isDryRun) { transaction in
      if let found = transaction.get(request.kind.key(request.namespace, name)) {
        try NodeRestriction(request)?.checkDeletion(found.value, name: name)
      }
      return try delete(name, request.kind, namespace: request.namespace, options, transaction)
    }
    return .success(request.kind, name: name, uid: pod.value["metadata", "uid"].string ?? "", status: 201)
  }

  /// Takes finalizers of a namespace away; the last one lets it go.
  private func finalize(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    let wanted = try object(request)
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      try replace(name, request, transaction) { old in
        var object = old
        object["spec", "finalizers"] = wanted["spec", "finalizers"]
        object["metadata", "resourceVersion"] = wanted["metadata", "resourceVersion"]
        return object
      }
    }
    return show(stored, request)
  }
}
