package import JSON
internal import Kubernetes

/// Objects that clients send as protobuf, as the JSON they would have sent otherwise.
///
/// The envelope is `k8s\0` and a message of type meta (1: apiVersion, kind) and the object's bytes (2).
package struct ProtobufDecoder: Sendable {
  private let schema: Schema
  private let kinds: ResourceKinds

  package init(schema: Schema, kinds: ResourceKinds) {
    self.schema = schema
    self.kinds = kinds
  }

  /// Throws what the client is answered: 400 for a body that is malformed or of no known kind.
  package func decode(_ body: [UInt8]) throws(StatusError) -> JSON {
    guard body.starts(with: [0x6B, 0x38, 0x73, 0x00]) else {
      throw .badRequest("the body is no protobuf object of Kubernetes: it does not begin with \"k8s\\0\"")
    }
    var apiVersion = ""
    var kind = ""
    var object: ArraySlice<UInt8> = []
    for field in try ProtobufFields(body[4...]).all {
      switch (field.number, field.value) {
      case (1, .bytes(let meta)):
        for inner in try ProtobufFields(meta).all {
          if case (1, .bytes(let text)) = (inner.number, inner.value) { apiVersion = try Self.text(text) }
          if case (2, .bytes(let text)) = (inner.number, inner.value) { kind = try Self.text(text) }
        }
      case (2, .bytes(let bytes)): object = bytes
      default: break
      }
    }
    guard let name = message(apiVersion, kind) else {
      throw .badRequest("no kind \"\(kind)\" is known in version \"\(apiVersion)\" that protobuf could be read as")
    }
    let members = try decode(object, as: name)
    return .object(
      JSON.Object([("kind", .string(kind)), ("apiVersion", .string(apiVersion))] + members.members))
  }

  private func message(_ apiVersion: String, _ kind: String) -> String? {
    if let found = kinds.find(apiVersion, kind: kind) { return found.schema }
    // Options and reviews have no place in the store.
    return schema.message(kind) == nil ? nil : kind
  }

  static func text(_ bytes: ArraySlice<UInt8>) throws(StatusError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .badRequest("protobuf: a string is no UTF-8")
    }
    return text
  }

  private func decode(_ bytes: ArraySlice<UInt8>, as name: String) throws(StatusError) -> JSON.Object {
    guard let message = schema.message(name) else { throw .badRequest("protobuf: no message \(name) is known") }
    var object = JSON.Object()
    // Elements come one at a time, in any order among other fields: collected first, so that many take no longer each.
    var lists: [String: [JSON]] = [:]
    var maps: [String: [String: JSON]] = [:]
    for field in try ProtobufFields(bytes).all {
      // Fields of newer clients are left out: without the schema nothing says what they are.
      guard let known = message.byNumber[field.number] else { continue }
      switch known.type {
      case .inline(let inner):
        guard case .bytes(let content) = field.value else { break }
        for member in try decode(content, as: inner).members { object[member.key] = member.value }
      case .list(let element):
        guard let value = try value(field.value, element, keepsEmpty: true) else { break }
        lists[known.name, default: []].append(value)
      case .map(let element):
        guard case .bytes(let entry) = field.value else { break }
        let (key, value) = try self.entry(entry, element)
        maps[known.name, default: [:]][key] = value
      default:
        if let value = try value(field.value, known.type, keepsEmpty: keepsZero(name, known.name)) {
          object[known.name] = value
        }
      }
    }
    for (name, elements) in lists.sorted(by: { $0.key < $1.key }) { object[name] = .array(elements) }
    for (name, map) in maps.sorted(by: { $0.key < $1.key }) {
      object[name] = .object(JSON.Object(map.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }
    return object
  }

  /// Go's encoder writes required numbers and strings also when they are unset, so zero means absent; in these optional
  /// fields it does not.
  private func keepsZero(_ message: String, _ field: String) -> Bool {
    switch field {
    case "replicas": message != "ReplicaSetStatus" && message != "DeploymentStatus"
    case "minReplicas", "gracePeriodSeconds", "terminationGracePeriodSeconds", "revisionHistoryLimit", "backoffLimit",
      "runAsUser", "runAsGroup", "fsGroup", "completions", "parallelism", "expirationSeconds",
      "automountServiceAccountToken",
      "runAsNonRoot", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "privileged", "optional", "immutable",
      "suspend",
      "enableServiceLinks", "partition":
      true
    default: false
    }
  }

  private func entry(_ bytes: ArraySlice<UInt8>, _ element: Schema.FieldType) throws(StatusError) -> (String, JSON) {
    var key = ""
    var value: JSON?
    for field in try ProtobufFields(bytes).all {
      if case (1, .bytes(let text)) = (field.number, field.value) { key = try Self.text(text) }
      if field.number == 2 { value = try self.value(field.value, element, keepsEmpty: true) }
    }
    if let value { return (key, value) }
    // An empty value need not be written.
    return (key, element == .string || element == .bytes ? "" : .object(.init()))
  }

  private func value(_ wire: ProtobufFields.Value, _ type: Schema.FieldType, keepsEmpty: Bool) throws(StatusError)
    -> JSON?
  {
    switch (type, wire) {
    case (.string, .bytes(let bytes)):
      if bytes.isEmpty, !keepsEmpty { return nil }
      return .string(try Self.text(bytes))
    case (.bytes, .bytes(let bytes)): return .string(Base64.encode(Array(bytes)))
    case (.int, .number(let number)):
      if number == 0, !keepsEmpty { return nil }
      return .int(Int64(bitPattern: number))
    case (.bool, .number(let number)):
      if number == 0, !keepsEmpty { return nil }
      return .bool(number != 0)
    case (.double, .number(let number)):
      let value = Double(bitPattern: number)
      guard value.isFinite else { throw .badRequest("protobuf: found the number \(value), which JSON cannot hold") }
      return .number(value)
    case (.message(let name), .bytes(let bytes)):
      let object = try decode(bytes, as: name)
      if Self.isDropped(name, object) { return nil }
      return .object(object)
    case (.time, .bytes(let bytes)), (.microTime, .bytes(let bytes)): return try Self.time(bytes, type)
    case (.quantity, .bytes(let bytes)): return .string(try Self.firstString(bytes))
    case (.intOrString, .bytes(let bytes)): return try Self.intOrString(bytes)
    case (.duration, .bytes(let bytes)):
      return .string("\(try Self.number(1, in: bytes) / 1_000_000_000)s")
    case (.raw, .bytes(let bytes)), (.fieldsV1, .bytes(let bytes)):
      for field in try ProtobufFields(bytes).all {
        if case (1, .bytes(let text)) = (field.number, field.value) { return try? JSON(parsing: Array(text)) }
      }
      return nil
    default: throw .badRequest("protobuf: a field has another wire type than \(type)")
    }
  }

  /// Structs that Go writes even when nothing in them is set.
  private static func isDropped(_ name: String, _ object: JSON.Object) -> Bool {
    object.isEmpty
      && (name.hasSuffix("Status") || name == "ListMeta" || name == "ResourceRequirements"
        || name == "DeploymentStrategy")
  }

  private static func number(_ wanted: Int, in bytes: ArraySlice<UInt8>) throws(StatusError) -> Int64 {
    for field in try ProtobufFields(bytes).all {
      if case .number(let number) = field.value, field.number == wanted { return Int64(bitPattern: number) }
    }
    return 0
  }

  private static func firstString(_ bytes: ArraySlice<UInt8>) throws(StatusError) -> String {
    for field in try ProtobufFields(bytes).all {
      if case (1, .bytes(let text)) = (field.number, field.value) { return try self.text(text) }
    }
    return ""
  }

  /// 1: seconds, 2: nanoseconds. A zero time is an empty message and means none.
  private static func time(_ bytes: ArraySlice<UInt8>, _ type: Schema.FieldType) throws(StatusError) -> JSON? {
    if bytes.isEmpty { return nil }
    let seconds = try number(1, in: bytes)
    let nanoseconds = try number(2, in: bytes)
    guard Timestamp.range.contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
      throw .badRequest(
        "protobuf: found a time of \(seconds) s and \(nanoseconds) ns, expected one of the years 0 to 9999")
    }
    let moment = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    return .string(type == .time ? moment.description : moment.microDescription)
  }

  /// 1: type (0 number, 1 string), 2: number, 3: string.
  private static func intOrString(_ bytes: ArraySlice<UInt8>) throws(StatusError) -> JSON? {
    guard try number(1, in: bytes) == 1 else { return .int(try number(2, in: bytes)) }
    for field in try ProtobufFields(bytes).all {
      if case (3, .bytes(let text)) = (field.number, field.value) { return .string(try self.text(text)) }
    }
    return ""
  }
}
