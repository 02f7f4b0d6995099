package import JSON

/// A refusal, told as a Kubernetes `Status`.
package struct StatusError: Error, Sendable, CustomStringConvertible {
  package struct Cause: Sendable, Hashable {
    package let reason: String
    package let message: String
    package let field: String
  }

  package let code: Int
  package let reason: String
  package let message: String
  package var name = ""
  package var group = ""
  /// The plural, or in a 422 the kind.
  package var kind = ""
  package var uid = ""
  package var causes: [Cause] = []
  /// In `metadata.continue`: where a list that expired can go on.
  package var continueToken = ""
  package var retryAfterSeconds = 0

  package init(_ code: Int, _ reason: String, _ message: String) {
    self.code = code
    self.reason = reason
    self.message = message
  }

  package var description: String { message }

  /// The answer's body.
  package var json: JSON {
    var status: JSON = [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message),
      "reason": .string(reason),
    ]
    if !continueToken.isEmpty { status["metadata", "continue"] = .string(continueToken) }
    var details = JSON.object(.init())
    if !name.isEmpty { details["name"] = .string(name) }
    if !group.isEmpty { details["group"] = .string(group) }
    if !kind.isEmpty { details["kind"] = .string(kind) }
    if !uid.isEmpty { details["uid"] = .string(uid) }
    if !causes.isEmpty {
      details["causes"] = .array(
        causes.map { cause in
          var json: JSON = ["reason": .string(cause.reason), "message": .string(cause.message)]
          if !cause.field.isEmpty { json["field"] = .string(cause.field) }
          return json
        })
    }
    if retryAfterSeconds > 0 { details["retryAfterSeconds"] = .int(Int64(retryAfterSeconds)) }
    if details.object?.isEmpty == false { status["details"] = details }
    status["code"] = .int(Int64(code))
    return status
  }

  private static func about(_ kind: ResourceKind, _ name: String, _ error: StatusError) -> StatusError {
    var error = error
    error.name = name
    error.group = kind.group
    error.kind = kind.plural
    return error
  }

  package static func notFound(_ kind: ResourceKind, _ name: String) -> StatusError {
    about(kind, name, StatusError(404, "NotFound", "\(kind.qualifiedName) \"\(name)\" not found"))
  }

  package static func alreadyExists(_ kind: ResourceKind, _ name: String) -> StatusError {
    about(kind, name, StatusError(409, "AlreadyExists", "\(kind.qualifiedName) \"\(name)\" already exists"))
  }

  package static func conflict(_ kind: ResourceKind, _ name: String, _ reason: String? = nil) -> StatusError {
    let reason =
      reason ?? "the object has been modified; please apply your changes to the latest version and try again"
    return about(
      kind, name,
      StatusError(409, "Conflict", "Operation cannot be fulfilled on \(kind.qualifiedName) \"\(name)\": \(reason)"))
  }

  package static func forbidden(_ kind: ResourceKind, _ name: String, _ reason: String) -> StatusError {
    let subject = name.isEmpty ? kind.qualifiedName : "\(kind.qualifiedName) \"\(name)\""
    return about(kind, name, StatusError(403, "Forbidden", "\(subject) is forbidden: \(reason)"))
  }

  package static func badRequest(_ message: String) -> StatusError { StatusError(400, "BadRequest", message) }

  package static func expired(_ message: String) -> StatusError { StatusError(410, "Expired", message) }

  package static func internalError(_ message: String) -> StatusError {
    StatusError(500, "InternalError", "Internal error occurred: \(message)")
  }

  package static let noSuchPath = StatusError(404, "NotFound", "the server could not find the requested resource")

  package static func methodNotAllowed(_ what: String) -> StatusError {
    StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource: \(what)")
  }

  /// All faults of an object at once.
  package static func invalid(_ kind: ResourceKind, _ name: String, _ faults: [FieldFault]) -> StatusError {
    let texts = faults.map(\.description)
    let list = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
    let qualified = kind.group.isEmpty ? kind.kind : "\(kind.kind).\(kind.group)"
    var error = StatusError(422, "Invalid", "\(qualified) \"\(name)\" is invalid: \(list)")
    error.name = name
    error.group = kind.group
    error.kind = kind.kind
    error.causes = faults.map { Cause(reason: $0.reason, message: $0.message, field: $0.field) }
    return error
  }
}
