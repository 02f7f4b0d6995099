/// How much of the past is kept of each resource, for watches that lag behind and lists that go on.
package struct StoreHistoryLimit: Sendable {
  /// Changes.
  package var changes: Int
  /// Bytes of their objects.
  package var bytes: Int

  package init(changes: Int = 4096, bytes: Int = 32 << 20) {
    self.changes = changes
    self.bytes = bytes
  }
}

/// The objects of one resource, its recent changes, and who follows them.
struct StoreTable {
  /// By namespace and name.
  private(set) var objects: [String: [String: StoredObject]] = [:]
  /// Recent changes in the order of their revisions.
  private var history: [StoreEvent] = []
  private var historyBytes = 0
  /// Changes up to this revision are no longer in the history.
  private(set) var floor: UInt64
  var followers: [ObjectIdentifier: StoreCursor] = [:]
  /// Changes from a place in the history on, as they were asked for since the last one: after a change a thousand watches
  /// ask for the same few, one after another.
  private var batches: [Int: [StoreEvent]] = [:]

  /// So many of the newest changes keep their objects parsed and the lines that watches send.
  private static let newest = 256

  init(floor: UInt64) { self.floor = floor }

  var count: Int { objects.values.reduce(0) { $0 + $1.count } }

  /// Takes an object from the file.
  mutating func load(_ object: StoredObject) { objects[object.key.namespace, default: [:]][object.key.name] = object }

  mutating func append(_ event: StoreEvent, limit: StoreHistoryLimit) {
    let key = event.object.key
    if event.kind == .deleted {
      objects[key.namespace]?[key.name] = nil
      if objects[key.namespace]?.isEmpty == true { objects[key.namespace] = nil }
    } else {
      objects[key.namespace, default: [:]][key.name] = event.object
    }
    if !batches.isEmpty { batches.removeAll(keepingCapacity: true) }
    event.keepForWatches(true)
    history.append(event)
    historyBytes += event.object.bytes.count
    if history.count > Self.newest { history[history.count - 1 - Self.newest].keepForWatches(false) }
    compact(limit)
  }

  /// Forgets the older half of the history, and more where that is still too much; in halves, so that the cost of a change
  /// stays constant.
  private mutating func compact(_ limit: StoreHistoryLimit) {
    guard history.count > limit.changes || historyBytes > limit.bytes else { return }
    var dropped = 0
    while dropped < history.count,
      history.count - dropped > limit.changes / 2 || historyBytes > limit.bytes / 2
    {
      historyBytes -= history[dropped].object.bytes.count
      floor = history[dropped].object.revision
      dropped += 1
    }
    history.removeFirst(dropped)
  }

  /// The changes after a revision; nil if the history no longer reaches back that far.
  mutating func batch(after revision: UInt64) -> [StoreEvent]? {
    guard revision >= floor else { return nil }
    let events = events(after: revision)
    if events.isEmpty { return [] }
    if let batch = batches[events.startIndex] { return batch }
    let batch = Array(events)
    batches[events.startIndex] = batch
    return batch
  }

  private func events(after revision: UInt64) -> ArraySlice<StoreEvent> {
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
