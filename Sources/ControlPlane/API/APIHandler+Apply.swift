internal import JSON
internal import Kubernetes

extension APIHandler {
  /// Server-side apply (KEP-555): creates the object if there is none.
  func apply(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    let manager = request.fieldManager
    let applied = try appliedObject(request)
    if let found = applied["metadata", "name"].string, found != name {
      throw StatusError.badRequest("the name of the object (\(found)) does not match the name on the URL (\(name))")
    }
    let fields = ManagedFields(schema: schema, kind: request.kind)
    let force = request.target.flag("force")
    let subresource = request.subresource ?? ""
    var isNew = false
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      if transaction.get(request.kind.key(request.namespace, name)) == nil {
        guard request.subresource == nil else { throw StatusError.notFound(request.kind, name) }
        isNew = true
        var object = try fields.apply(applied, over: .null, manager: manager, force: force, subresource: "")
        object["metadata", "name"] = .string(name)
        object["metadata", "namespace"] = applied["metadata", "namespace"]
        return try create(&object, request, transaction)
      }
      return try replace(name, request, transaction, recordsManager: false) { old in
        var object = try fields.apply(applied, over: old, manager: manager, force: force, subresource: subresource)
        object["metadata", "resourceVersion"] = applied["metadata", "resourceVersion"]
        object["metadata", "uid"] = applied["metadata", "uid"]
        return object
      }
    }
    return show(stored, request, status: isNew ? 201 : 200)
  }

  /// The configuration in the body; kubectl writes it as JSON, which is YAML too.
  private func appliedObject(_ request: ResourceRequest) throws -> JSON {
    let kind = request.kind
    let body: JSON
    do {
      guard let document = try YAML.parse(request.request.body, file: "body").first?.value else {
        throw StatusError.badRequest("the body of an apply patch is empty")
      }
      body = document
    } catch let error as YAMLError {
      throw StatusError.badRequest("error decoding YAML: \(error)")
    }
    guard body["kind"].string == kind.kind, body["apiVersion"].string == kind.apiVersion else {
      throw StatusError.badRequest(
        "the body of an apply patch must have kind \(kind.kind) and apiVersion \(kind.apiVersion), found "
          + "\(body["kind"]) and \(body["apiVersion"])")
    }
    if !body["metadata", "managedFields"].elements.isEmpty {
      throw StatusError.badRequest("metadata.managedFields must be nil")
    }
    let decoding = StrictDecoding(schema: schema)
    try decoding.checkFields(body, kind: kind, request)
    try decoding.checkTypes(body, kind: kind)
    return VersionConversion.incoming(body.withoutNulls, kind: kind)
  }
}
