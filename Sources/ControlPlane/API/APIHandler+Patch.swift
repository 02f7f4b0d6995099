internal import JSON
internal import Kubernetes

extension APIHandler {
  func patch(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    if request.contentType == "application/apply-patch+yaml" { return try apply(name, request) }
    let change = try patchFunction(request)
    let stored = try store.write(isDryRun: request.isDryRun) { transaction in
      try replace(name, request, transaction) { old in try change(old) }
    }
    return show(stored, request)
  }

  /// What the body does to an object; `kind` is given for patches of subresources with a kind of their own.
  func patchFunction(_ request: ResourceRequest, kind: ResourceKind? = nil) throws -> (JSON) throws -> JSON {
    let kind = kind ?? request.kind
    let body = try json(request.request.body)
    let schema = self.schema
    let function: (JSON) throws -> JSON
    switch request.contentType {
    case "application/json-patch+json":
      let patch = try JSONPatch(body)
      function = { old in try patch.apply(to: old) }
    case "application/merge-patch+json": function = { old in MergePatch.apply(body, to: old) }
    case "application/strategic-merge-patch+json":
      function = { old in try StrategicMergePatch(schema: schema).apply(body, to: old, message: kind.schema) }
    default:
      throw StatusError(
        415, "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
          + "application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml")
    }
    return { old in
      let before = kind.identified(VersionConversion.outgoing(old, kind: kind))
      let result = try function(before)
      let decoding = StrictDecoding(schema: schema)
      try decoding.checkFields(result, kind: kind, before: before, request)
      try decoding.checkTypes(result, kind: kind)
      return VersionConversion.incoming(result, kind: kind)
    }
  }
}
