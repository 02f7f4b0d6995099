package import JSON

/// What is wrong with one field of an object, in the words Kubernetes uses.
package struct FieldFault: Sendable, Hashable, CustomStringConvertible {
  /// `FieldValueRequired`, `FieldValueInvalid`, …
  package let reason: String
  /// `spec.ports[0].port`
  package let field: String
  /// The fault without the field.
  package let message: String

  package var description: String { "\(field): \(message)" }

  package static func required(_ field: String, _ detail: String = "") -> FieldFault {
    FieldFault(
      reason: "FieldValueRequired", field: field,
      message: detail.isEmpty ? "Required value" : "Required value: \(detail)")
  }

  package static func invalid(_ field: String, _ value: JSON, _ detail: String) -> FieldFault {
    FieldFault(reason: "FieldValueInvalid", field: field, message: "Invalid value: \(value): \(detail)")
  }

  package static func notSupported(_ field: String, _ value: JSON, _ supported: [String]) -> FieldFault {
    let list = supported.map { "\"\($0)\"" }.joined(separator: ", ")
    return FieldFault(
      reason: "FieldValueNotSupported", field: field, message: "Unsupported value: \(value): supported values: \(list)")
  }

  package static func forbidden(_ field: String, _ detail: String) -> FieldFault {
    FieldFault(reason: "FieldValueForbidden", field: field, message: "Forbidden: \(detail)")
  }

  package static func duplicate(_ field: String, _ value: JSON) -> FieldFault {
    FieldFault(reason: "FieldValueDuplicate", field: field, message: "Duplicate value: \(value)")
  }

  package static func tooLong(_ field: String, _ limit: Int) -> FieldFault {
    FieldFault(reason: "FieldValueTooLong", field: field, message: "Too long: may not be more than \(limit) bytes")
  }
}
