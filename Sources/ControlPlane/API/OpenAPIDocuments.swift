internal import JSON

/// As much OpenAPI as kubectl needs to know that the server validates and accepts dry runs.
///
/// Request bodies are left out on purpose: with them, and without full schemas, kubectl would merge by schemas it cannot
/// find instead of by the types it was built with.
struct OpenAPIDocuments {
  let kinds: ResourceKinds
  let schema: Schema

  init(kinds: ResourceKinds, schema: Schema) {
    self.kinds = kinds
    self.schema = schema
  }

  private func prefix(_ group: String, _ version: String) -> String {
    group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)"
  }

  func path(_ kind: ResourceKind) -> String {
    let namespace = kind.isNamespaced ? "/namespaces/{namespace}" : ""
    return "/\(prefix(kind.group, kind.version))\(namespace)/\(kind.plural)/{name}"
  }

  /// The paths of all documents.
  var paths: [String] { kinds.groupVersions.map { prefix($0.group, $0.version) } }

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
}
