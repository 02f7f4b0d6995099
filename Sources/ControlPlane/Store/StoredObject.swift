package import JSON

/// Where an object is kept.
package struct StoreKey: Hashable, Sendable {
  /// The plural and, outside the core group, the group: `pods`, `deployments.apps`.
  package let resource: String
  /// Empty for objects of the cluster.
  package let namespace: String
  package let name: String

  package init(_ resource: String, namespace: String = "", name: String) {
    self.resource = resource
    self.namespace = namespace
    self.name = name
  }
}

/// One version of an object, as it is in the store: without `kind` and `apiVersion`, which the way it is asked for adds.
package final class StoredObject: Sendable {
  package let key: StoreKey
  /// The number in `metadata.resourceVersion`.
  package let revision: UInt64
  package let value: JSON
  /// `value` as JSON text.
  package let bytes: [UInt8]

  init(_ key: StoreKey, revision: UInt64, value: JSON, bytes: [UInt8]) {
    self.key = key
    self.revision = revision
    self.value = value
    self.bytes = bytes
  }

  /// A version with another revision.
  convenience init(_ key: StoreKey, revision: UInt64, value: JSON) {
    var value = value
    value["metadata", "resourceVersion"] = .string(String(revision))
    self.init(key, revision: revision, value: value, bytes: value.bytes())
  }
}

/// A change of one object.
package struct StoreEvent: Sendable {
  package enum Kind: Sendable { case added, modified, deleted }
  package let kind: Kind
  /// The object after the change; for a deletion its last state with the deletion's revision.
  package let object: StoredObject
  /// The object before the change; nil when added.
  package let old: StoredObject?
}
