internal import JSON

/// The check that `fieldValidation=Strict` asks for: no fields that the kind does not have.
struct StrictDecoding {
  private let schema: Schema

  init(schema: Schema) { self.schema = schema }

  /// Refuses an object with unknown fields, naming all of them.
  func check(_ object: JSON, kind: ResourceKind, repeated: [String] = []) throws(StatusError) {
    var unknown: [String] = []
    find(object, .message(kind.schema), path: "", &unknown)
    guard !unknown.isEmpty else { return }
    let list = unknown.map { "unknown field \"\($0)\"" }.joined(separator: ", ")
    throw .badRequest(
      "\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): strict decoding error: \(list)")
  }

  private func find(_ value: JSON, _ type: Schema.FieldType, path: String, _ unknown: inout [String]) {
    switch (type, value) {
    case (.list(let element), .array(let values)):
      for (index, value) in values.enumerated() { find(value, element, path: "\(path)[\(index)]", &unknown) }
    case (.map(let element), .object(let members)):
      for member in members.members { find(member.value, element, path: "\(path).\(member.key)", &unknown) }
    case (.message(let name), .object(let members)):
      guard schema.message(name) != nil else { return }
      for member in members.members {
        if path.isEmpty, member.key == "kind" || member.key == "apiVersion" { continue }
        let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
        if let field = schema.field(name, member.key) {
          find(member.value, field.type, path: inner, &unknown)
        } else {
          unknown.append(inner)
        }
      }
    default: break
    }
  }
}
