internal import JSON
internal import Kubernetes

extension APIHandler {
  /// The object in a request's body, without `kind` and `apiVersion`, after checking that they fit.
  func object(_ request: ResourceRequest, expecting kind: ResourceKind? = nil) throws(StatusError) -> JSON {
    let kind = kind ?? request.kind
    let value = try document(request)
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
    let decoding = StrictDecoding(schema: schema)
    try decoding.checkFields(value, kind: kind, request)
    try decoding.checkTypes(value, kind: kind)
    var object = value.withoutNulls
    object["kind"] = .null
    object["apiVersion"] = .null
    return VersionConversion.incoming(object, kind: kind)
  }

  /// The body as JSON, whatever it was sent as.
  func document(_ request: ResourceRequest) throws(StatusError) -> JSON {
    switch request.contentType {
    case "", "application/json", "*/*": return try json(request.request.body)
    case "application/vnd.kubernetes.protobuf":
      return try ProtobufDecoder(schema: schema, kinds: kinds).decode(request.request.body)
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
  /// The value without members that are null, which Go's types do not have, and with each member once: the last counts.
  var withoutNulls: JSON {
    switch self {
    case .object(let object):
      let kept = object.members.filter { !$0.value.isNull }.map { (key: $0.key, value: $0.value.withoutNulls) }
      guard object.hasRepeatedKeys else { return .object(Object(kept)) }
      return .object(kept.reduce(into: Object()) { $0[$1.key] = $1.value })
    case .array(let elements): return .array(elements.map(\.withoutNulls))
    default: return self
    }
  }
}

extension JSON.Object {
  /// The first key that is there twice.
  var repeatedKey: String? {
    var seen: Set<String> = []
    return members.first { !seen.insert($0.key).inserted }?.key
  }

  var hasRepeatedKeys: Bool { count > 1 && repeatedKey != nil }
}
