package import JSON

/// Names an object, or a part of one, for an Event (ObjectReference of core/v1).
package struct ObjectReference: Hashable, Sendable {
  package var apiVersion: String
  package var kind: String
  /// Empty for objects of the whole cluster.
  package var namespace: String
  package var name: String
  package var uid: String
  /// Such as `spec.containers{web}`; empty for the whole object.
  package var fieldPath: String

  package init(
    apiVersion: String = "v1", kind: String, namespace: String, name: String, uid: String, fieldPath: String = ""
  ) {
    self.apiVersion = apiVersion
    self.kind = kind
    self.namespace = namespace
    self.name = name
    self.uid = uid
    self.fieldPath = fieldPath
  }

  package init(_ object: KubernetesObject, fieldPath: String = "") {
    self.init(
      apiVersion: object.apiVersion, kind: object.kind, namespace: object.namespace, name: object.name,
      uid: object.uid, fieldPath: fieldPath)
  }

  /// As the API writes it, without what is empty.
  package func json(resourceVersion: String = "") -> JSON {
    var json: JSON = ["apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name)]
    for (key, value) in [
      ("namespace", namespace), ("uid", uid), ("resourceVersion", resourceVersion), ("fieldPath", fieldPath),
    ] where !value.isEmpty { json[key] = .string(value) }
    return json
  }
}
