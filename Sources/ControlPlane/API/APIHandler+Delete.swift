internal import JSON
internal import Kubernetes

extension APIHandler {
  func delete(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    let options = try DeletionRequest(request, handler: self)
    let (object, isGone) = try store.write(isDryRun: request.isDryRun || options.isDryRun) { transaction in
      if let found = transaction.get(request.kind.key(request.namespace, name)) {
        try NodeRestriction(request)?.checkDeletion(found.value, name: name)
      }
      return try delete(name, request.kind, namespace: request.namespace, options, transaction)
    }
    let showsObject = !isGone || ["pods", "services"].contains(request.kind.qualifiedName)
    if showsObject { return .json(request.kind.bytes(object)) }
    return .success(request.kind, name: name, uid: object.value["metadata", "uid"].string ?? "")
  }

  func deleteCollection(_ request: ResourceRequest) throws -> APIResponse {
    let options = try DeletionRequest(request, handler: self)
    let selector = try ObjectSelector(request.target, kind: request.kind)
    try store.write(isDryRun: request.isDryRun || options.isDryRun) { transaction in
      for object in transaction.list(request.kind.storage, namespace: request.namespace) where selector.matches(object)
      {
        _ = try delete(object.key.name, request.kind, namespace: object.key.namespace, options, transaction)
      }
    }
    return try list(request)
  }

  /// Removes an object, or marks it as being deleted while a finalizer or a pod's grace period holds it.
  func delete(
    _ name: String, _ kind: ResourceKind, namespace: String?, _ options: DeletionRequest,
    _ transaction: StoreTransaction
  ) throws -> (object: StoredObject, isGone: Bool) {
    let key = kind.key(namespace, name)
    guard let current = transaction.get(key) else { throw StatusError.notFound(kind, name) }
    try options.checkPreconditions(current, kind: kind)
    if kind.qualifiedName == "namespaces", ["default", "kube-system", "kube-public"].contains(name) {
      throw StatusError.forbidden(kind, name, "this namespace may not be deleted")
    }
    var object = current.value
    let wasDeleting = !object["metadata", "deletionTimestamp"].isNull
    options.applyPropagation(to: &object)
    let grace = kind.qualifiedName == "pods" ? options.grace(ofPod: object) : 0
    var isHeld = !object["metadata", "finalizers"].elements.isEmpty || grace > 0
    if kind.qualifiedName == "namespaces", !object["spec", "finalizers"].elements.isEmpty { isHeld = true }
    guard isHeld else { return (remove(current, transaction), true) }
    let ending = Timestamp.now().adding(seconds: Double(grace)).description
    if !wasDeleting {
      if let generation = object["metadata", "generation"].int {
        object["metadata", "generation"] = .int(Int64(generation + 1))
      }
      object["metadata", "deletionTimestamp"] = .string(ending)
      object["metadata", "deletionGracePeriodSeconds"] = .int(Int64(grace))
    } else if grace < object["metadata", "deletionGracePeriodSeconds"].int ?? 0 {
      object["metadata", "deletionTimestamp"] = .string(ending)
      object["metadata", "deletionGracePeriodSeconds"] = .int(Int64(grace))
    }
    if kind.qualifiedName == "namespaces" { object["status", "phase"] = "Terminating" }
    if object == current.value { return (current, false) }
    return (transaction.put(key, object), false)
  }

  /// Removes an object for good, with what was made for it.
  func remove(_ object: StoredObject, _ transaction: StoreTransaction) -> StoredObject {
    for admission in admissions { admission.remove(object, transaction) }
    return transaction.delete(object.key) ?? object
  }
}
