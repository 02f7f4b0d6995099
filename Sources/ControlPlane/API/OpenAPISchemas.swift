internal import JSON

/// The schemas of OpenAPI v3 documents, from the shapes of the built-in objects: what `kubectl explain` reads.
struct OpenAPISchemas {
  let schema: Schema

  /// These messages and all that they hold, sorted.
  func reachable(_ names: [String]) -> [String] {
    var waiting = names
    var seen = Set(names)
    while let name = waiting.popLast() {
      for field in schema.message(name)?.byName.values.map({ $0 }) ?? [] {
        if let inner = Self.message(in: field.type), seen.insert(inner).inserted { waiting.append(inner) }
      }
    }
    return seen.filter { schema.message($0) != nil }.sorted()
  }

  /// The schemas of these kinds and of everything they hold.
  func components(_ kinds: [ResourceKind]) -> JSON {
    var schemas = JSON.object(.init())
    for name in reachable(kinds.map(\.schema)) {
      guard let message = schema.message(name) else { continue }
      var properties = JSON.object(.init())
      let served = kinds.filter { $0.schema == name }
      if !served.isEmpty {
        properties["apiVersion"] = ["type": "string"]
        properties["kind"] = ["type": "string"]
        schemas[name, "x-kubernetes-group-version-kind"] = .array(
          served.map { kind in
            ["group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind)]
          })
      }
      for field in message.byName.values.sorted(by: { $0.name < $1.name }) {
        properties[field.name] = describe(field.type)
        for (key, value) in MergeKeys.extensions(name, field.name) { properties[field.name, key] = .string(value) }
      }
      schemas[name, "type"] = "object"
      schemas[name, "properties"] = properties
    }
    return ["schemas": schemas]
  }

  private static func message(in type: Schema.FieldType) -> String? {
    switch type {
    case .message(let name): name
    case .list(let element), .map(let element): message(in: element)
    default: nil
    }
  }

  private func describe(_ type: Schema.FieldType) -> JSON {
    switch type {
    case .string: ["type": "string"]
    case .int: ["type": "integer"]
    case .bool: ["type": "boolean"]
    case .bytes: ["type": "string", "format": "byte"]
    case .double: ["type": "number"]
    case .time, .microTime: ["type": "string", "format": "date-time"]
    case .quantity, .duration: ["type": "string"]
    case .intOrString: ["type": "string", "format": "int-or-string"]
    case .raw, .fieldsV1, .inline: ["type": "object"]
    case .message(let name): ["$ref": .string("#/components/schemas/\(name)")]
    case .list(let element): ["type": "array", "items": describe(element)]
    case .map(let element): ["type": "object", "additionalProperties": describe(element)]
    }
  }
}
