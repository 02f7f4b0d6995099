/// What the store holds in memory.
struct StoreState {
  var revision: UInt64 = 0
  var tables: [String: StoreTable] = [:]

  func get(_ key: StoreKey) -> StoredObject? { tables[key.resource]?.objects[key.namespace]?[key.name] }

  /// Makes committed changes visible and returns who follows them.
  mutating func publish(_ events: [StoreEvent], limit: Int) -> [StoreCursor] {
    var followers: [StoreCursor] = []
    for event in events {
      let key = event.object.key
      revision = max(revision, event.object.revision)
      tables[key.resource, default: StoreTable()].append(event, limit: limit)
    }
    for resource in Set(events.map(\.object.key.resource)) {
      followers += tables[resource].map { Array($0.followers.values) } ?? []
    }
    return followers
  }
}

/// The objects of one resource, its recent changes, and who follows them.
struct StoreTable {
  /// By namespace and name.
  var objects: [String: [String: StoredObject]] = [:]
  /// Recent changes in the order of their revisions.
  private var history: [StoreEvent] = []
  /// Changes up to this revision are no longer in the history.
  var floor: UInt64 = 0
  var followers: [ObjectIdentifier: StoreCursor] = [:]

  mutating func append(_ event: StoreEvent, limit: Int) {
    let key = event.object.key
    if event.kind == .deleted {
      objects[key.namespace]?[key.name] = nil
      if objects[key.namespace]?.isEmpty == true { objects[key.namespace] = nil }
    } else {
      objects[key.namespace, default: [:]][key.name] = event.object
    }
    history.append(event)
    // Dropping in halves keeps the cost of a change constant.
    if history.count > limit {
      let dropped = history.count - limit / 2
      floor = history[dropped - 1].object.revision
      history.removeFirst(dropped)
    }
  }

  func events(after revision: UInt64) -> ArraySlice<StoreEvent> {
    var low = 0
    var high = history.count
    while low < high {
      let middle = (low + high) / 2
      if history[middle].object.revision <= revision { low = middle + 1 } else { high = middle }
    }
    return history[low...]
  }

  /// The objects as they were at a revision: what is there now with later changes undone.
  func objects(at revision: UInt64) -> [String: [String: StoredObject]]? {
    guard revision >= floor else { return nil }
    var objects = self.objects
    for event in events(after: revision).reversed() {
      let key = event.object.key
      objects[key.namespace, default: [:]][key.name] = event.old
    }
    return objects
  }

  static func sorted(_ objects: [String: [String: StoredObject]], namespace: String?) -> [StoredObject] {
    if let namespace { return objects[namespace].map { $0.values.sorted { $0.key.name < $1.key.name } } ?? [] }
    return objects.keys.sorted().flatMap { sorted(objects, namespace: $0) }
  }
}
