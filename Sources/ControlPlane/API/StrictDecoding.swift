internal import JSON
internal import Kubernetes

/// The checks of an object against the shapes of its kind: types always, unknown and repeated fields as `fieldValidation`
/// asks for it.
struct StrictDecoding {
  private let schema: Schema

  init(schema: Schema) { self.schema = schema }

  private func refuse(_ kind: ResourceKind, _ reason: String) -> StatusError {
    .badRequest("\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): \(reason)")
  }

  /// Unknown or repeated fields of an object, in Kubernetes' words.
  func strangeFields(_ object: JSON, kind: ResourceKind) -> [String] {
    var found: [String] = []
    findUnknown(object, .message(kind.schema), path: "", &found)
    return found
  }

  /// Refuses an object with unknown or repeated fields, or warns of them, as the request asks for; those that the object
  /// had before are nobody's fault.
  func checkFields(_ object: JSON, kind: ResourceKind, before: JSON = .null, _ request: ResourceRequest)
    throws(StatusError)
  {
    let validation = WriteOptions.fieldValidation(request.target)
    if validation == .ignore { return }
    var found = strangeFields(object, kind: kind)
    if found.isEmpty { return }
    let old = Set(strangeFields(before, kind: kind))
    found.removeAll { text in old.contains { $0 == text } }
    if validation == .warn { return found.forEach { request.warnings.add($0) } }
    guard found.isEmpty else { throw refuse(kind, "strict decoding error: \(found.joined(separator: ", "))") }
  }

  private func findUnknown(_ value: JSON, _ type: Schema.FieldType, path: String, _ found: inout [String]) {
    switch (type, value) {
    case (.list(let element), .array(let values)):
      for (index, value) in values.enumerated() { findUnknown(value, element, path: "\(path)[\(index)]", &found) }
    case (.map(let element), .object(let members)):
      if let key = members.repeatedKey { found.append("duplicate field \"\(path).\(key)\"") }
      for member in members.members { findUnknown(member.value, element, path: "\(path).\(member.key)", &found) }
    case (.message(let name), .object(let members)):
      guard schema.message(name) != nil else { return }
      let prefix = path.isEmpty ? "" : "\(path)."
      if let key = members.repeatedKey { found.append("duplicate field \"\(prefix)\(key)\"") }
      for member in members.members {
        if path.isEmpty, member.key == "kind" || member.key == "apiVersion" { continue }
        if let field = schema.field(name, member.key) {
          findUnknown(member.value, field.type, path: prefix + member.key, &found)
        } else {
          found.append("unknown field \"\(prefix)\(member.key)\"")
        }
      }
    default: break
    }
  }

  /// Refuses an object in which a known field holds a value of another type.
  func checkTypes(_ object: JSON, kind: ResourceKind) throws(StatusError) {
    guard let (path, found, expected) = mismatch(object, .message(kind.schema), path: "") else { return }
    throw refuse(kind, "json: cannot unmarshal \(found) into field \(path) of type \(expected)")
  }

  private func mismatch(_ value: JSON, _ type: Schema.FieldType, path: String) -> (String, String, String)? {
    switch (type, value) {
    case (_, .null), (.raw, _), (.fieldsV1, _), (.inline, _): return nil
    case (.list(let element), .array(let values)):
      for (index, value) in values.enumerated() {
        if let found = mismatch(value, element, path: "\(path)[\(index)]") { return found }
      }
      return nil
    case (.map(let element), .object(let members)):
      for member in members.members {
        if let found = mismatch(member.value, element, path: "\(path).\(member.key)") { return found }
      }
      return nil
    case (.message(let name), .object(let members)):
      for member in members.members {
        guard let field = schema.field(name, member.key) else { continue }
        let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
        if let found = mismatch(member.value, field.type, path: inner) { return found }
      }
      return nil
    case (.string, .string), (.bytes, .string), (.duration, .string), (.bool, .bool), (.double, .double),
      (.double, .int), (.quantity, .string), (.quantity, .int), (.quantity, .double), (.intOrString, .string):
      return nil
    case (.int, _), (.intOrString, _):
      guard let number = value.int else { return (path, Self.name(value), Self.name(type)) }
      if Int32(exactly: number) != nil || type == .int && Self.isWide(path) { return nil }
      return (path, "number \(number)", "int32")
    case (.time, .string(let text)), (.microTime, .string(let text)):
      return Timestamp(text) == nil ? (path, "string \"\(text)\"", Self.name(type)) : nil
    default: return (path, Self.name(value), Self.name(type))
    }
  }

  /// The fields that Go declares as int64; all other numbers of the API have 32 bits, which those who calculate with them
  /// rely on.
  private static let wideFields: Set<String> = [
    "generation", "observedGeneration", "revision", "remainingItemCount", "sizeBytes", "runAsUser", "runAsGroup",
    "fsGroup", "supplementalGroups", "seconds", "gracePeriodSeconds", "deletionGracePeriodSeconds",
    "terminationGracePeriodSeconds", "activeDeadlineSeconds", "startingDeadlineSeconds", "tolerationSeconds",
    "expirationSeconds",
  ]

  private static func isWide(_ path: String) -> Bool {
    let field = path[(path.lastIndex(of: ".").map { path.index(after: $0) } ?? path.startIndex)...]
    return wideFields.contains(String(field.prefix { $0 != "[" }))
  }

  private static func name(_ value: JSON) -> String {
    switch value {
    case .null: "null"
    case .bool: "bool"
    case .int, .double: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }

  private static func name(_ type: Schema.FieldType) -> String {
    switch type {
    case .list(let element): "[]\(name(element))"
    case .map(let element): "map[string]\(name(element))"
    case .message(let name), .inline(let name): name
    case .int: "int"
    case .intOrString: "int or string"
    case .time, .microTime: "time (RFC 3339)"
    default: "\(type)"
    }
  }
}
