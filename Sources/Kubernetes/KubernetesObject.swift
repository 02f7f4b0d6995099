package import JSON

/// An object of the API: its whole JSON, unknown fields included, with names for the metadata everyone needs.
package struct KubernetesObject: Hashable, Sendable {
  package var json: JSON

  package init(_ json: JSON) { self.json = json }

  /// An object of `type` with a name and nothing else.
  package init(_ type: ResourceType, namespace: String = "", name: String) {
    json = ["apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "metadata": ["name": .string(name)]]
    if type.isNamespaced, !namespace.isEmpty { self.namespace = namespace }
  }

  package var apiVersion: String { json["apiVersion"].string ?? "" }
  package var kind: String { json["kind"].string ?? "" }
  package var metadata: JSON {
    get { json["metadata"] }
    set { json["metadata"] = newValue }
  }
  package var spec: JSON {
    get { json["spec"] }
    set { json["spec"] = newValue }
  }
  package var status: JSON {
    get { json["status"] }
    set { json["status"] = newValue }
  }

  package var key: ObjectKey { ObjectKey(namespace, name) }
  package var name: String {
    get { metadata["name"].string ?? "" }
    set { json["metadata", "name"] = .string(newValue) }
  }
  /// Empty for objects of the cluster.
  package var namespace: String {
    get { metadata["namespace"].string ?? "" }
    set { json["metadata", "namespace"] = newValue.isEmpty ? .null : .string(newValue) }
  }
  package var uid: String { metadata["uid"].string ?? "" }
  package var resourceVersion: String { metadata["resourceVersion"].string ?? "" }
  /// Counts changes of the spec; 0 where the kind has none.
  package var generation: Int { metadata["generation"].int ?? 0 }
  package var labels: [String: String] {
    get { metadata["labels"].stringMap }
    set { json["metadata", "labels"] = newValue.isEmpty ? .null : JSON(stringMap: newValue) }
  }
  package var annotations: [String: String] {
    get { metadata["annotations"].stringMap }
    set { json["metadata", "annotations"] = newValue.isEmpty ? .null : JSON(stringMap: newValue) }
  }
  package var finalizers: [String] {
    get { metadata["finalizers"].elements.compactMap(\.string) }
    set { json["metadata", "finalizers"] = newValue.isEmpty ? .null : .array(newValue.map { .string($0) }) }
  }
  package var ownerReferences: [OwnerReference] {
    get { metadata["ownerReferences"].elements.map { OwnerReference($0) } }
    set { json["metadata", "ownerReferences"] = newValue.isEmpty ? .null : .array(newValue.map(\.json)) }
  }
  /// The owner that manages this object, if one does.
  package var controller: OwnerReference? { ownerReferences.first { $0.isController } }
  package var creationTimestamp: Timestamp? { metadata["creationTimestamp"].string.flatMap { Timestamp($0) } }
  package var deletionTimestamp: Timestamp? { metadata["deletionTimestamp"].string.flatMap { Timestamp($0) } }
  /// Deletion has been asked for; the object is there until its finalizers and its grace are gone.
  package var isTerminating: Bool { !metadata["deletionTimestamp"].isNull }

  /// `kind namespace/name`, for messages.
  package var reference: String { "\(kind) \(key)" }

  /// The entry of `status.conditions` of a type; null where there is none.
  package func condition(_ type: String) -> JSON {
    json["status", "conditions"].elements.first { $0["type"].string == type } ?? .null
  }

  /// Whether `status.conditions` holds the type with status "True".
  package func isTrue(_ condition: String) -> Bool { self.condition(condition)["status"].string == "True" }
}
