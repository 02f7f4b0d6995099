internal import JSON
internal import Kubernetes
internal import Linux

/// Deletes what its owners left behind, and carries out foreground and orphaning deletion, which the API server marks with
/// finalizers. Keys are objects of every watched kind.
final class GarbageCollector: Controller {
  struct Key: Hashable, Sendable, CustomStringConvertible {
    var type: ResourceType
    var object: NamespacedKey
    var description: String { "\(type) \(object)" }
  }

  static let foreground = "foregroundDeletion"
  static let orphan = "orphan"

  let name = "garbage collector"
  let queue = WorkQueue<Key>()
  private let context: ControllerContext
  private let caches: [ResourceType: ObjectCache]

  init(_ context: ControllerContext) {
    self.context = context
    caches = Dictionary(uniqueKeysWithValues: context.caches.map { ($0.type, $0) })
  }

  func observe() {
    for cache in context.caches {
      let type = cache.type
      cache.observe { [weak self] old, new in
        guard let self else { return }
        if let new {
          let isNews =
            old == nil || old?.uid != new.uid || old?.metadata["ownerReferences"] != new.metadata["ownerReferences"]
            || old?.isTerminating != new.isTerminating || old?.finalizers != new.finalizers
          guard isNews, !new.ownerReferences.isEmpty || new.isTerminating else { return }
          queue.add(Key(type: type, object: new.key))
        } else if let old {
          for (type, dependent) in dependents(of: old.uid) { queue.add(Key(type: type, object: dependent.key)) }
          // An owner may wait for this one.
          for reference in old.ownerReferences {
            guard let type = self.type(of: reference) else { continue }
            queue.add(Key(type: type, object: key(reference, type, of: old)))
          }
        }
      }
    }
  }

  func reconcile(_ key: Key) throws {
    guard let object = caches[key.type]?.get(key.object) else { return }
    if object.isTerminating {
      if object.finalizers.contains(Self.orphan) { try releaseDependents(of: object, key.type) }
      if object.finalizers.contains(Self.foreground) { try awaitDependents(of: object, key.type) }
      return
    }
    let references = object.ownerReferences
    guard !references.isEmpty else { return }
    let states = try references.map { (uid: $0.uid, state: try state(of: $0, for: object)) }
    switch GarbageDecision.decide(states, hasDependents: !dependents(of: object.uid).isEmpty) {
    case .keep: return
    case .dropOwners(let uids):
      try context.setOwners(key.type, object, references.filter { !uids.contains($0.uid) })
    case .delete(let foreground):
      let object = foreground ? try breakCircle(at: object, key.type) : object
      try context.client.delete(
        key.type, namespace: object.namespace, name: object.name,
        .init(
          propagation: foreground ? .foreground : .background, uid: object.uid,
          resourceVersion: object.resourceVersion))
    }
  }

  /// Objects that own one another would wait for each other: one whose dependent waits in turn blocks nobody any more.
  private func breakCircle(at object: KubernetesObject, _ type: ResourceType) throws -> KubernetesObject {
    guard object.ownerReferences.contains(where: \.blocksOwnerDeletion),
      dependents(of: object.uid).contains(where: { $1.isTerminating && $1.finalizers.contains(Self.foreground) })
    else { return object }
    return try context.setOwners(
      type, object,
      object.ownerReferences.map { reference in
        var reference = reference
        reference.blocksOwnerDeletion = false
        return reference
      })
  }

  private func dependents(of uid: String) -> [(ResourceType, KubernetesObject)] {
    guard !uid.isEmpty else { return [] }
    return caches.values.flatMap { cache in
      cache.list(ControllerContext.Index.owner, uid).map { (cache.type, $0) }
    }
  }

  private func type(of reference: OwnerReference) -> ResourceType? {
    let parts = reference.apiVersion.split(separator: "/")
    let group = parts.count == 2 ? String(parts[0]) : ""
    return ResourceType.known.first { $0.kind == reference.kind && $0.group == group }
  }

  private func key(_ reference: OwnerReference, _ type: ResourceType, of dependent: KubernetesObject) -> NamespacedKey {
    NamespacedKey(type.isNamespaced ? dependent.namespace : "", reference.name)
  }

  private func state(of reference: OwnerReference, for object: KubernetesObject) throws -> GarbageDecision.OwnerState {
    // A kind we do not know may be there: deleting on a guess cannot be undone.
    guard let type = type(of: reference) else { return .solid }
    // An object of the cluster cannot belong to one of a namespace: nobody can tell which is meant.
    if type.isNamespaced, object.namespace.isEmpty {
      context.events.record(
        object, .warning, reason: "OwnerRefInvalidNamespace",
        message:
          "ownerReferences: \(reference.kind) \(reference.name) is an object of a namespace and cannot own one of "
          + "the cluster. Remove the reference.")
      return .solid
    }
    let key = key(reference, type, of: object)
    var owner = caches[type]?.get(key)
    if owner?.uid != reference.uid {
      // Absent here is not absent: only the API server knows.
      owner = try context.client.find(type, namespace: key.namespace, name: key.name)
    }
    guard let owner, owner.uid == reference.uid else { return .absent }
    return owner.isTerminating && owner.finalizers.contains(Self.foreground) ? .waiting : .solid
  }

  /// Foreground: dependents first. Those that block the owner's deletion must be gone before it goes.
  private func awaitDependents(of owner: KubernetesObject, _ type: ResourceType) throws {
    var isBlocked = false
    for (dependentType, dependent) in dependents(of: owner.uid) {
      queue.add(Key(type: dependentType, object: dependent.key))
      if dependent.ownerReferences.contains(where: { $0.uid == owner.uid && $0.blocksOwnerDeletion }) {
        isBlocked = true
      }
    }
    if !isBlocked { try removeFinalizer(Self.foreground, from: owner, type) }
  }

  private func releaseDependents(of owner: KubernetesObject, _ type: ResourceType) throws {
    for (dependentType, dependent) in dependents(of: owner.uid) {
      try context.setOwners(dependentType, dependent, dependent.ownerReferences.filter { $0.uid != owner.uid })
    }
    try removeFinalizer(Self.orphan, from: owner, type)
  }

  private func removeFinalizer(_ finalizer: String, from object: KubernetesObject, _ type: ResourceType) throws {
    let rest = object.finalizers.filter { $0 != finalizer }
    try context.client.patch(
      type, namespace: object.namespace, name: object.name, .merge,
      [
        "metadata": [
          "uid": .string(object.uid), "resourceVersion": .string(object.resourceVersion),
          "finalizers": .array(rest.map { .string($0) }),
        ]
      ])
  }
}
