package import JSON

/// The `Status` with which an API server refuses a request (meta/v1).
package struct APIStatus: Error, Hashable, Sendable, CustomStringConvertible {
  /// One field or condition that is at fault.
  package struct Cause: Hashable, Sendable {
    /// Such as `FieldValueRequired`.
    package var reason: String
    package var message: String
    /// Path of the field, such as `spec.ports[0].port`; empty where there is none.
    package var field: String

    package init(reason: String, message: String, field: String = "") {
      self.reason = reason
      self.message = message
      self.field = field
    }
  }

  /// HTTP status.
  package var code: Int
  /// Such as `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Expired`.
  package var reason: String
  package var message: String
  package var causes: [Cause]
  /// From `details.retryAfterSeconds` or the header Retry-After.
  package var retryAfter: Int?

  package init(code: Int, reason: String, message: String, causes: [Cause] = [], retryAfter: Int? = nil) {
    self.code = code
    self.reason = reason
    self.message = message
    self.causes = causes
    self.retryAfter = retryAfter
  }

  /// Reads a Status object; `code` is what HTTP said, where the object has none.
  package init(_ json: JSON, code: Int) {
    self.init(
      code: json["code"].int ?? code, reason: json["reason"].string ?? Self.reason(code: code),
      message: json["message"].string ?? "the server answered with status \(code) and no message",
      causes: json["details", "causes"].elements.map {
        Cause(
          reason: $0["reason"].string ?? "", message: $0["message"].string ?? "", field: $0["field"].string ?? "")
      },
      retryAfter: json["details", "retryAfterSeconds"].int)
  }

  /// The refusal in an answer whose body may be a Status, some other text, or nothing.
  package init(_ response: APIResponse) {
    if let json = try? JSON(parsing: response.body), json["kind"].string == "Status" {
      self.init(json, code: response.status)
    } else {
      let text = String(decoding: response.body.prefix(512), as: UTF8.self)
      self.init(
        code: response.status, reason: Self.reason(code: response.status),
        message: text.isEmpty ? "the server answered with status \(response.status) and an empty body" : text)
    }
    if retryAfter == nil { retryAfter = response.headers["retry-after"].flatMap { Int($0) } }
  }

  private static func reason(code: Int) -> String {
    switch code {
    case 400: "BadRequest"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "NotFound"
    case 405: "MethodNotAllowed"
    case 409: "Conflict"
    case 410: "Gone"
    case 415: "UnsupportedMediaType"
    case 422: "Invalid"
    case 429: "TooManyRequests"
    case 500: "InternalError"
    case 503: "ServiceUnavailable"
    case 504: "Timeout"
    default: "Unknown"
    }
  }

  package var isNotFound: Bool { code == 404 }
  /// The object exists already.
  package var isAlreadyExists: Bool { code == 409 && reason == "AlreadyExists" }
  /// The object changed since it was read, or a precondition failed: read it again and retry.
  package var isConflict: Bool { code == 409 && reason != "AlreadyExists" }
  /// The resource version or continue token is too old: list anew.
  package var isExpired: Bool { code == 410 || reason == "Expired" || reason == "Gone" }
  /// The namespace is being deleted and takes nothing new.
  package var isNamespaceTerminating: Bool { causes.contains { $0.reason == "NamespaceTerminating" } }

  package var description: String { "\(code) \(reason): \(message)" }
}
