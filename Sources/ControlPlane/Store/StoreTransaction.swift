package import JSON

/// A change of objects while it is evaluated. Lives only inside the closure given to `ObjectStore.write`.
package final class StoreTransaction {
  private let store: ObjectStore
  private var changed: [StoreKey: StoredObject?] = [:]
  private var revision: UInt64
  private(set) var events: [StoreEvent] = []

  init(store: ObjectStore) {
    self.store = store
    revision = store.revision
  }

  /// The object as this transaction would leave it.
  package func get(_ key: StoreKey) -> StoredObject? { changed[key] ?? store.get(key) }

  /// The objects of a resource and namespace as they were before this transaction.
  package func list(_ resource: String, namespace: String?) -> [StoredObject] {
    store.list(resource, namespace: namespace).objects
  }

  /// Stores an object under the next revision, which is also written into it.
  @discardableResult
  package func put(_ key: StoreKey, _ value: JSON) -> StoredObject {
    revision += 1
    let old = get(key)
    let object = StoredObject(key, revision: revision, value: value)
    changed[key] = .some(object)
    events.append(StoreEvent(kind: old == nil ? .added : .modified, object: object, old: old))
    return object
  }

  /// Removes an object and returns its last state with the deletion's revision; nil if there is none.
  @discardableResult
  package func delete(_ key: StoreKey) -> StoredObject? {
    guard let old = get(key) else { return nil }
    revision += 1
    let object = StoredObject(key, revision: revision, value: old.value)
    changed[key] = .some(nil)
    events.append(StoreEvent(kind: .deleted, object: object, old: old))
    return object
  }
}
