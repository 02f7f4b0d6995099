internal import Synchronization

/// All objects of one type in memory, kept by an informer, with indexes. Objects are values: what `get` answers is not
/// changed by what comes later. A reader may see the past; a writer is told by the API's conflicts.
///
/// They are kept without `metadata.managedFields`, which nobody here reads and which take half of an object's memory. What
/// is written back without them keeps those that the API server has (KEP-555).
package final class ObjectCache: Sendable {
  /// Values under which an object is found in an index: owner uids, node names.
  package typealias Index = @Sendable (KubernetesObject) -> [String]
  /// Before and after; before is nil for a new object, after for one that is gone.
  package typealias Observer = @Sendable (KubernetesObject?, KubernetesObject?) -> Void

  private struct State {
    var objects: [ObjectKey: KubernetesObject] = [:]
    var namespaces: [String: Set<ObjectKey>] = [:]
    var indexed: [String: [String: Set<ObjectKey>]] = [:]
    var observers: [Observer] = []
    var informer: Informer?
    /// What was read so far of a list.
    var listed: [KubernetesObject] = []
  }

  package let type: ResourceType
  private let indexes: [String: Index]
  private let state = Mutex(State())

  package init(_ type: ResourceType, indexes: [String: Index] = [:]) {
    self.type = type
    self.indexes = indexes
  }

  /// Adds someone who is told about every change, on the informer's thread, after the cache holds it. Before `start`.
  package func observe(_ observer: @escaping Observer) { state.withLock { $0.observers.append(observer) } }

  package func start(
    _ client: APIClient, _ selection: ListOptions = ListOptions(), options: Informer.Options = Informer.Options()
  ) {
    let informer = Informer(
      client, type, selection, options: options,
      // One by one, so that what is not kept of one object makes room for the next.
      replacing: .each(
        begin: { [weak self] in self?.state.withLock { $0.listed = [] } },
        item: { [weak self] object in
          let kept = Self.kept(object)
          self?.state.withLock { $0.listed.append(kept) }
        },
        end: { [weak self] in
          let listed = self?.state.withLock { state in
            defer { state.listed = [] }
            return state.listed
          }
          self?.replace(listed ?? [])
        }),
      onEvent: { [weak self] change, object in self?.apply(change, object) })
    state.withLock { $0.informer = informer }
    informer.start()
  }

  package func stop() { state.withLock { $0.informer }?.stop() }

  /// After `stop`: waits until no observer is called any more.
  package func waitUntilEnded() { state.withLock { $0.informer }?.waitUntilEnded() }

  package var hasSynced: Bool { state.withLock { $0.informer }?.hasSynced ?? false }

  @discardableResult
  package func waitUntilSynced(timeout: Double) -> Bool {
    state.withLock { $0.informer }?.waitUntilSynced(timeout: timeout) ?? false
  }

  package func get(_ key: ObjectKey) -> KubernetesObject? { state.withLock { $0.objects[key] } }
  package func get(_ namespace: String, _ name: String) -> KubernetesObject? { get(ObjectKey(namespace, name)) }

  /// Everything, in no order.
  package var all: [KubernetesObject] { state.withLock { Array($0.objects.values) } }

  package func list(namespace: String) -> [KubernetesObject] {
    state.withLock { state in (state.namespaces[namespace] ?? []).compactMap { state.objects[$0] } }
  }

  /// Objects an index holds under a value, in no order.
  package func list(_ index: String, _ value: String) -> [KubernetesObject] {
    state.withLock { state in (state.indexed[index]?[value] ?? []).compactMap { state.objects[$0] } }
  }

  /// How many objects an index holds under a value.
  package func count(_ index: String, _ value: String) -> Int {
    state.withLock { state in state.indexed[index]?[value]?.count ?? 0 }
  }

  /// Replaces everything, as a list does; for informers and tests.
  package func replace(_ objects: [KubernetesObject]) {
    let keys = Set(objects.map(\.key))
    let gone = state.withLock { state in state.objects.keys.filter { !keys.contains($0) } }
    for key in gone { set(key, nil) }
    for object in objects { set(object.key, object) }
  }

  /// One change of a watch; for informers and tests.
  package func apply(_ change: Informer.Change, _ object: KubernetesObject) {
    switch change {
    case .added, .modified: set(object.key, object)
    case .deleted: set(object.key, nil, last: object)
    }
  }

  private static func kept(_ whole: KubernetesObject) -> KubernetesObject {
    guard !whole.metadata["managedFields"].isNull else { return whole }
    var object = whole
    object.json["metadata", "managedFields"] = .null
    return object
  }

  private func set(_ key: ObjectKey, _ whole: KubernetesObject?, last: KubernetesObject? = nil) {
    let new = whole.map(Self.kept)
    let (old, observers) = state.withLock { state in
      let old = state.objects.removeValue(forKey: key)
      if let old { forget(key, old, &state) }
      if let new {
        state.objects[key] = new
        state.namespaces[key.namespace, default: []].insert(key)
        for (name, index) in indexes {
          for value in index(new) { state.indexed[name, default: [:]][value, default: []].insert(key) }
        }
      }
      return (old, state.observers)
    }
    if let old, let new, !old.resourceVersion.isEmpty, old.resourceVersion == new.resourceVersion { return }
    if old == nil && new == nil { return }
    for observer in observers { observer(new == nil ? last ?? old : old, new) }
  }

  private func forget(_ key: ObjectKey, _ old: KubernetesObject, _ state: inout State) {
    state.namespaces[key.namespace]?.remove(key)
    if state.namespaces[key.namespace]?.isEmpty ?? false { state.namespaces[key.namespace] = nil }
    for (name, index) in indexes {
      for value in index(old) {
        state.indexed[name]?[value]?.remove(key)
        if state.indexed[name]?[value]?.isEmpty ?? false { state.indexed[name]?[value] = nil }
      }
    }
  }
}
