internal import JSON

extension OpenAPIDocuments {
  /// `/openapi/v2` as protobuf (openapi_v2.proto of gnostic): paths with a patch operation that has a dryRun parameter and
  /// says which kind it is for, and the shapes of all kinds, with the keys by which lists are merged: old clients validate,
  /// explain and merge by them.
  var v2: [UInt8] {
    var document = ProtobufWriter()
    document.string(1, "2.0")
    document.message(2) { info in
      info.string(1, "Swiftlet")
      info.string(2, "1.36.0")
    }
    document.message(8) { paths in
      for kind in kinds.all {
        paths.message(2) { entry in
          entry.string(1, path(kind))
          entry.message(2) { item in item.message(8) { operation(kind, &$0) } }
        }
      }
    }
    let definitions = OpenAPISchemas(schema: schema).reachable(kinds.all.map(\.schema))
    document.message(9) { list in
      for name in definitions {
        list.message(1) { entry in
          entry.string(1, name)
          entry.message(2) { definition(name, &$0) }
        }
      }
    }
    return document.bytes
  }

  private func operation(_ kind: ResourceKind, _ patch: inout ProtobufWriter) {
    patch.message(8) { item in
      item.message(1) { parameter in
        parameter.message(2) { nonBody in
          nonBody.message(3) { query in
            query.string(2, "query")
            query.string(4, "dryRun")
            query.string(6, "string")
          }
        }
      }
    }
    Self.vendorExtension(&patch, 13, "x-kubernetes-group-version-kind", Self.text(kind))
  }

  /// The kind in YAML's flow style.
  private static func text(_ kind: ResourceKind) -> String {
    "{group: \"\(kind.group)\", kind: \(kind.kind), version: \(kind.version)}"
  }

  /// A NamedAny; the value is YAML.
  private static func vendorExtension(_ writer: inout ProtobufWriter, _ field: Int, _ name: String, _ value: String) {
    writer.message(field) { item in
      item.string(1, name)
      item.message(2) { $0.string(2, value) }
    }
  }

  /// A Schema: 1 $ref, 2 format, 21 additionalProperties, 22 type, 23 items, 25 properties, 31 vendor extensions.
  private func definition(_ name: String, _ writer: inout ProtobufWriter) {
    guard let message = schema.message(name) else { return }
    let served = kinds.all.filter { $0.schema == name }
    writer.message(22) { $0.string(1, "object") }
    writer.message(25) { properties in
      for field in served.isEmpty ? [] : ["apiVersion", "kind"] {
        properties.message(1) { property in
          property.string(1, field)
          property.message(2) { describe(.string, &$0) }
        }
      }
      for field in message.byName.values.sorted(by: { $0.name < $1.name }) {
        properties.message(1) { property in
          property.string(1, field.name)
          property.message(2) { content in
            describe(field.type, &content)
            for (key, value) in MergeKeys.extensions(name, field.name) {
              Self.vendorExtension(&content, 31, key, value)
            }
          }
        }
      }
    }
    if !served.isEmpty {
      let list = "[\(served.map(Self.text).joined(separator: ", "))]"
      Self.vendorExtension(&writer, 31, "x-kubernetes-group-version-kind", list)
    }
  }

  private func describe(_ type: Schema.FieldType, _ writer: inout ProtobufWriter) {
    func primitive(_ name: String, _ format: String = "") {
      if !format.isEmpty { writer.string(2, format) }
      writer.message(22) { $0.string(1, name) }
    }
    switch type {
    case .string, .quantity, .duration: primitive("string")
    case .int: primitive("integer")
    case .bool: primitive("boolean")
    case .bytes: primitive("string", "byte")
    case .double: primitive("number")
    case .time, .microTime: primitive("string", "date-time")
    case .intOrString: primitive("string", "int-or-string")
    case .raw, .fieldsV1, .inline: primitive("object")
    case .message(let name): writer.string(1, "#/definitions/\(name)")
    case .list(let element):
      primitive("array")
      writer.message(23) { items in items.message(1) { describe(element, &$0) } }
    case .map(let element):
      writer.message(21) { item in item.message(1) { describe(element, &$0) } }
      primitive("object")
    }
  }
}
