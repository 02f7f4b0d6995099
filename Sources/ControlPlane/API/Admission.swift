package import JSON

/// A create or update that is about to be stored.
package struct AdmissionReview {
  package let kind: ResourceKind
  /// The object as it will be stored, without `kind` and `apiVersion`; may be changed.
  package var object: JSON
  /// The object as it is; nil when created.
  package let old: JSON?
  /// What is stored with the object, or not at all.
  package let transaction: StoreTransaction
}

/// A step between validation and storage: allocators of addresses and ports. Called one review at a time, in the order
/// of the writes.
package protocol Admission: Sendable {
  /// Resources whose stored objects `committed` is told of at the start.
  var resources: [String] { get }

  /// Completes the object or refuses it with a `StatusError`. What it hands out counts only once `committed` says so; the
  /// write may be a dry run or fail.
  func admit(_ review: inout AdmissionReview) throws

  /// An object goes for good in a transaction: what was made with it goes in the same one.
  func remove(_ object: StoredObject, _ transaction: StoreTransaction)

  /// A change is durable. Called before the next review; at the start also for every stored object of `resources`.
  func committed(_ event: StoreEvent)
}

extension Admission {
  package func remove(_ object: StoredObject, _ transaction: StoreTransaction) {}
}
