internal import JSON
internal import Kubernetes

extension APIHandler {
  func update(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    let object = try object(request)
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      try replace(name, request, transaction) { _ in object }
    }
    return show(stored, request)
  }

  /// Changes an object inside a transaction: `change` gets it as it is and returns it as it shall be.
  func replace(
    _ name: String, _ request: ResourceRequest, _ transaction: StoreTransaction,
    recordsManager: Bool = true, _ change: (JSON) throws -> JSON
  ) throws -> StoredObject {
    let kind = request.kind
    let key = kind.key(request.namespace, name)
    guard let current = transaction.get(key) else { throw StatusError.notFound(kind, name) }
    var object = try change(current.value).withoutNulls
    object["kind"] = .null
    object["apiVersion"] = .null
    try checkIdentity(object, current, kind: kind, name: name)
    let status = request.subresource == ResourceKind.Subresource.status.rawValue
    let old = current.value
    keepSystemMetadata(&object, old)
    if status {
      object = Self.withStatus(of: object, in: old, kind: kind)
    } else if kind.subresources.contains(.status) {
      object["status"] = old["status"]
    }
    try NodeRestriction(request)?.checkChange(object, old: old, name: name)
    if kind.group == RoleAuthorizer.group, !Self.hasSameRules(object, old) {
      try authorizer.checkEscalation(object, kind: kind, user: request.user)
    }
    ObjectDefaults.keepFields(&object, old: old, kind: kind)
    ObjectDefaults.apply(&object, kind: kind)
    if !status {
      let faults = ObjectValidation.faults(object, kind: kind) + UpdateValidation.faults(object, old: old, kind: kind)
      guard faults.isEmpty else { throw StatusError.invalid(kind, name, faults) }
      var review = AdmissionReview(kind: kind, object: object, old: old, transaction: transaction)
      for admission in admissions { try admission.admit(&review) }
      object = review.object
      if kind.hasGeneration, Self.countsAsChange(object, old) {
        object["metadata", "generation"] = .int(Int64((old["metadata", "generation"].int ?? 0) + 1))
      }
    }
    if recordsManager {
      ManagedFields(schema: schema, kind: kind).record(
        manager: request.fieldManager, old: old, new: &object, subresource: request.subresource ?? "")
    }
    return store(object, current, transaction)
  }

  /// Stores a changed object, unless nothing changed; removes it if it was only held by what is now gone.
  private func store(_ object: JSON, _ current: StoredObject, _ transaction: StoreTransaction) -> StoredObject {
    var object = object
    object["metadata", "resourceVersion"] = current.value["metadata", "resourceVersion"]
    if object == current.value { return current }
    if !object["metadata", "deletionTimestamp"].isNull, object["metadata", "finalizers"].elements.isEmpty,
      (object["metadata", "deletionGracePeriodSeconds"].int ?? 0) == 0,
      current.key.resource != "namespaces" || object["spec", "finalizers"].elements.isEmpty
    {
      return remove(current, transaction)
    }
    return transaction.put(current.key, object)
  }

  private func checkIdentity(_ object: JSON, _ current: StoredObject, kind: ResourceKind, name: String)
    throws(StatusError)
  {
    let metadata = object["metadata"]
    if let found = metadata["name"].string, found != name {
      throw .badRequest("the name of the object (\(found)) does not match the name on the URL (\(name))")
    }
    if kind.isNamespaced, let found = metadata["namespace"].string, !found.isEmpty, found != current.key.namespace {
      throw .badRequest(
        "the namespace of the object (\(found)) does not match the namespace on the request (\(current.key.namespace))")
    }
    let uid = current.value["metadata", "uid"].string ?? ""
    if let found = metadata["uid"].string, !found.isEmpty, found != uid {
      throw .conflict(
        kind, name, "Precondition failed: UID in precondition: \(found), UID in object meta: \(uid)")
    }
    if let found = metadata["resourceVersion"].string, !found.isEmpty, found != String(current.revision) {
      throw .conflict(kind, name)
    }
  }

  /// What only the server sets stays.
  private func keepSystemMetadata(_ object: inout JSON, _ old: JSON) {
    var metadata = object["metadata"]
    for field in [
      "name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
      "generateName",
    ] {
      metadata[field] = old["metadata"][field]
    }
    metadata["selfLink"] = .null
    object["metadata"] = metadata
  }

  /// The old object with the new one's status. Kubelets and controllers may also annotate and label through it.
  private static func withStatus(of object: JSON, in old: JSON, kind: ResourceKind) -> JSON {
    var result = old
    result["status"] = object["status"]
    if kind.group.isEmpty, ["pods", "nodes", "services", "namespaces"].contains(kind.plural) {
      for field in ["labels", "annotations", "finalizers"] { result["metadata"][field] = object["metadata"][field] }
    }
    result["metadata", "managedFields"] = object["metadata", "managedFields"]
    return result
  }

  private static func hasSameRules(_ object: JSON, _ old: JSON) -> Bool {
    ["rules", "aggregationRule", "roleRef", "subjects"].allSatisfy { object[$0] == old[$0] }
  }

  /// True if anything but metadata and status differs.
  private static func countsAsChange(_ object: JSON, _ old: JSON) -> Bool {
    func content(_ value: JSON) -> JSON {
      .object(JSON.Object(value.members.filter { $0.key != "metadata" && $0.key != "status" }))
    }
    return content(object) != content(old)
  }
}
