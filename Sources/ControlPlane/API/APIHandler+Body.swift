internal import JSON
internal import Kubernetes

extension APIHandler {
  /// The object in a request's body, without `kind` and `apiVersion`, after checking that they fit.
  func object(_ request: ResourceRequest, expecting kind: ResourceKind? = nil) throws(StatusError) -> JSON {
    let kind = kind ?? request.kind
    let (value, repeated) = try document(request)
    guard case .object = value else {
      throw .badRequest("the body is no JSON object, expected a \(kind.kind)")
    }
    if let found = value["kind"].string, !found.isEmpty, found != kind.kind {
      throw .badRequest("the kind in the data (\(found)) does not match the expected kind (\(kind.kind))")
    }
    if let found = value["apiVersion"].string, !found.isEmpty, found != kind.apiVersion {
      throw .badRequest(
        "the API version in the data (\(found)) does not match the expected API version (\(kind.apiVersion))")
    }
    if request.target["fieldValidation"] == "Strict" {
      try StrictDecoding(schema: schema).check(value, kind: kind, repeated: repeated)
    }
    var object = value.withoutNulls
    object["kind"] = .null
    object["apiVersion"] = .null
    return VersionConversion.incoming(object, kind: kind)
  }

  /// The body as JSON, whatever it was sent as.
  func document(_ request: ResourceRequest) throws(StatusError) -> (JSON, repeated: [String]) {
    switch request.contentType {
    case "", "application/json", "*/*": return (try json(request.request.body), [])
    case "application/vnd.kubernetes.protobuf":
      return (try ProtobufDecoder(schema: schema, kinds: kinds).decode(request.request.body), [])
    default:
      throw StatusError(
        415, "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, "
          + "application/vnd.kubernetes.protobuf")
    }
  }

  func json(_ body: [UInt8]) throws(StatusError) -> JSON {
    do {
      return try JSON(parsing: body)
    } catch {
      throw .badRequest("the object provided is unrecognized (must be of type JSON): \(error)")
    }
  }
}

extension JSON {
  /// The value without members that are null: Go's types have no such members.
  var withoutNulls: JSON {
    switch self {
    case .object(let object):
      .object(Object(object.members.filter { !$0.value.isNull }.map { ($0.key, $0.value.withoutNulls) }))
    case .array(let elements): .array(elements.map(\.withoutNulls))
    default: self
    }
  }
}
