internal import JSON

/// As much OpenAPI as kubectl needs to know that the server validates and accepts dry runs.
///
/// Request bodies are left out on purpose: with them, and without full schemas, kubectl would merge by schemas it cannot
/// find instead of by the types it was built with.
struct OpenAPIDocuments {
  private let kinds: ResourceKinds
  private let schema: Schema

  init(kinds: ResourceKinds, schema: Schema) {
    self.kinds = kinds
    self.schema = schema
  }

  private func prefix(_ group: String, _ version: String) -> String {
    group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)"
  }

  private func path(_ kind: ResourceKind) -> String {
    let namespace = kind.isNamespaced ? "/namespaces/{namespace}" : ""
    return "/\(prefix(kind.group, kind.version))\(namespace)/\(kind.plural)/{name}"
  }

  /// `/openapi/v3`
  var index: JSON {
    var paths = JSON.object(.init())
    for (group, version) in kinds.groupVersions {
      let path = prefix(group, version)
      paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=1")]
    }
    return ["paths": paths]
  }

  /// `/openapi/v3/PATH`
  func document(path wanted: String) -> JSON? {
    let members = kinds.all.filter { prefix($0.group, $0.version) == wanted }
    guard !members.isEmpty else { return nil }
    var paths = JSON.object(.init())
    for kind in members {
      paths[path(kind)] = [
        "patch": [
          "parameters": [
            ["name": "fieldValidation", "in": "query"], ["name": "dryRun", "in": "query"],
            ["name": "force", "in": "query"], ["name": "fieldManager", "in": "query"],
          ],
          "x-kubernetes-group-version-kind": [
            "group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind),
          ],
        ]
      ]
    }
    return [
      "openapi": "3.0.0", "info": ["title": "Swiftlet", "version": "1.36.0"], "paths": paths,
      "components": OpenAPISchemas(schema: schema).components(members),
    ]
  }

  /// `/openapi/v2` as protobuf (openapi_v2.proto of gnostic): paths with a patch operation that has a dryRun parameter
  /// and says which kind it is for.
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
    patch.message(13) { extension_ in
      extension_.string(1, "x-kubernetes-group-version-kind")
      extension_.message(2) { value in
        value.string(2, "{group: \"\(kind.group)\", kind: \(kind.kind), version: \(kind.version)}")
      }
    }
  }
}
