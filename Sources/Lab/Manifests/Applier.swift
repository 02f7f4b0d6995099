internal import JSON
package import Kubernetes

/// Brings manifests to the API, one object after another. What the API refuses is told, and the rest goes on.
package final class Applier {
  /// What became of one object.
  package enum Outcome: Hashable, Sendable {
    case created, updated, deleted, absent
    /// The API's words, and one line for each field at fault.
    case refused(message: String, fields: [String])
  }

  private let client: APIClient
  /// Kinds that are not known from the start, as discovery answered: `group/version` to its types.
  private var discovered: [String: [ResourceType]] = [:]

  package init(_ client: APIClient) {
    self.client = APIClient(client.transport, fieldManager: client.fieldManager, isStrict: true)
  }

  /// Creates the object, or changes the one that exists, as `kubectl apply` would.
  package func apply(_ manifest: Manifest) throws -> Outcome {
    try refusals {
      let (type, given) = try self.addressed(manifest.object)
      let object = LastApplied.annotated(given)
      do {
        try self.client.create(type, object)
        return .created
      } catch let status as APIStatus where status.isAlreadyExists {
        let live = try self.client.get(type, namespace: object.namespace, name: object.name)
        try self.client.patch(
          type, namespace: object.namespace, name: object.name, .merge, LastApplied.patch(from: live, to: object))
        return .updated
      }
    }
  }

  package func delete(_ manifest: Manifest) throws -> Outcome {
    try refusals {
      let (type, object) = try self.addressed(manifest.object)
      return try self.client.delete(type, namespace: object.namespace, name: object.name) ? .deleted : .absent
    }
  }

  private func refusals(_ body: () throws -> Outcome) throws -> Outcome {
    do {
      return try body()
    } catch let status as APIStatus where (400..<500).contains(status.code) {
      return .refused(
        message: status.description,
        fields: status.causes.map { $0.field.isEmpty ? $0.message : "\($0.field): \($0.message)" })
    }
  }

  /// The type of an object, and the object in its namespace, which is `default` unless it names one.
  private func addressed(_ object: KubernetesObject) throws -> (ResourceType, KubernetesObject) {
    func invalid(_ field: String, _ message: String) -> APIStatus {
      APIStatus(
        code: 422, reason: "Invalid", message: "the object cannot be sent",
        causes: [APIStatus.Cause(reason: "FieldValueRequired", message: message, field: field)])
    }
    if object.json.object == nil { throw invalid("", "expected an object with apiVersion, kind and metadata") }
    if object.apiVersion.isEmpty { throw invalid("apiVersion", "Required value") }
    if object.kind.isEmpty { throw invalid("kind", "Required value") }
    if object.name.isEmpty { throw invalid("metadata.name", "Required value") }
    let type = try type(apiVersion: object.apiVersion, kind: object.kind)
    var object = object
    if type.isNamespaced && object.namespace.isEmpty { object.namespace = "default" }
    return (type, object)
  }

  private func type(apiVersion: String, kind: String) throws -> ResourceType {
    let matches = { (type: ResourceType) in type.apiVersion == apiVersion && type.kind == kind }
    if let type = ResourceType.known.first(where: matches) { return type }
    if let type = discovered[apiVersion]?.first(where: matches) { return type }
    let types = try discover(apiVersion)
    discovered[apiVersion] = types
    if let type = types.first(where: matches) { return type }
    throw APIStatus(
      code: 404, reason: "NotFound", message: "the server knows no kind \"\(kind)\" in version \"\(apiVersion)\"",
      causes: [APIStatus.Cause(reason: "FieldValueInvalid", message: "found \"\(kind)\"", field: "kind")])
  }

  /// The APIResourceList of a group version; empty where the server has none.
  private func discover(_ apiVersion: String) throws -> [ResourceType] {
    let parts = apiVersion.split(separator: "/", maxSplits: 1).map(String.init)
    let group = parts.count == 2 ? parts[0] : ""
    let version = parts.last ?? ""
    let path = group.isEmpty ? "/api/\(percentEncoded(version))" : "/apis/\(group)/\(percentEncoded(version))"
    let list: JSON
    do {
      list = try client.answer(APIRequest("GET", path))
    } catch let status as APIStatus where status.isNotFound {
      return []
    }
    return list["resources"].elements.compactMap { resource in
      guard let plural = resource["name"].string, !plural.contains("/"), let kind = resource["kind"].string else {
        return nil
      }
      return ResourceType(
        group: group, version: version, plural: plural, kind: kind,
        isNamespaced: resource["namespaced"].bool ?? true)
    }
  }
}
