internal import Glibc
internal import JSON
package import Linux
internal import Synchronization

/// All objects of the cluster: durable in SQLite, read from memory, watched through short histories.
///
/// Writes are serial: one transaction is evaluated, committed to the file and only then made visible, so that no reader
/// sees what a power failure could take back. Readers never wait for the disk.
package final class ObjectStore: Sendable {
  /// How many changes of one resource a watch may lag behind before it must start anew.
  private let historyLimit: Int
  private let state: Mutex<StoreState>
  private let writer: Mutex<Writer>
  private let observers: @Sendable ([StoreEvent]) -> Void

  private struct Writer: ~Copyable {
    var database: SQLiteDatabase
    var put: SQLiteStatement
    var delete: SQLiteStatement
    var mark: SQLiteStatement
  }

  /// Opens the store, or makes a new one where no file is. `observers` is called after each commit, still before the next
  /// write begins, for indexes that admission needs.
  package init(
    path: String, historyLimit: Int = 4096, observers: @escaping @Sendable ([StoreEvent]) -> Void = { _ in }
  ) throws(StoreError) {
    let database = try SQLiteDatabase(path: path)
    var state = StoreState()
    try database.query("SELECT resource, revision FROM resources") { row in
      let revision = row.number(1)
      state.tables[row.text(0), default: StoreTable()].floor = revision
      state.revision = max(state.revision, revision)
    }
    var damaged: String?
    try database.query("SELECT resource, namespace, name, body FROM objects") { row in
      let key = StoreKey(row.text(0), namespace: row.text(1), name: row.text(2))
      let bytes = row.bytes(3)
      guard let value = try? JSON(parsing: bytes),
        let revision = value["metadata", "resourceVersion"].string.flatMap({ UInt64($0) })
      else {
        damaged = "\(key.resource) \(key.namespace)/\(key.name)"
        return
      }
      let object = StoredObject(key, revision: revision, value: value, bytes: bytes)
      state.tables[key.resource, default: StoreTable()].objects[key.namespace, default: [:]][key.name] = object
    }
    if let damaged { throw StoreError(path, "holds an object that cannot be read: \(damaged)") }
    // A new cluster begins at 1: "0" means "any" to clients.
    state.revision = max(state.revision, 1)
    self.historyLimit = historyLimit
    self.observers = observers
    let put = try database.prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)")
    let delete = try database.prepare("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?")
    let mark = try database.prepare("INSERT OR REPLACE INTO resources VALUES (?, ?)")
    self.state = Mutex(state)
    writer = Mutex(Writer(database: database, put: put, delete: delete, mark: mark))
  }

  /// The revision of the newest write.
  package var revision: UInt64 { state.withLock { $0.revision } }

  package func get(_ key: StoreKey) -> StoredObject? { state.withLock { $0.get(key) } }

  /// The objects of a resource, of one namespace or of all, sorted by namespace and name, and the revision they are of.
  package func list(_ resource: String, namespace: String? = nil) -> (revision: UInt64, objects: [StoredObject]) {
    let (revision, table) = state.withLock { ($0.revision, $0.tables[resource]?.objects ?? [:]) }
    return (revision, StoreTable.sorted(table, namespace: namespace))
  }

  /// The objects as they were at a revision; nil if that is longer ago than the history reaches.
  package func list(_ resource: String, namespace: String?, at revision: UInt64) -> [StoredObject]? {
    let table = state.withLock { $0.tables[resource] ?? StoreTable() }
    return table.objects(at: revision).map { StoreTable.sorted($0, namespace: namespace) }
  }

  /// Evaluates a change of any number of objects and makes it durable and visible at once; what the closure throws undoes
  /// all of it. With `isDryRun` nothing is kept.
  package func write<Result>(isDryRun: Bool = false, _ body: (StoreTransaction) throws -> Result) throws -> Result {
    var wakeups: [StoreCursor] = []
    let result = try writer.withLock { writer in
      let transaction = StoreTransaction(store: self)
      let result = try body(transaction)
      let events = transaction.events
      if isDryRun || events.isEmpty { return result }
      try Self.commit(events, &writer)
      wakeups = state.withLock { $0.publish(events, limit: historyLimit) }
      observers(events)
      return result
    }
    for cursor in wakeups { cursor.wake() }
    return result
  }

  private static func commit(_ events: [StoreEvent], _ writer: inout Writer) throws(StoreError) {
    try writer.database.run("BEGIN IMMEDIATE")
    do {
      var revisions: [String: UInt64] = [:]
      for event in events {
        let key = event.object.key
        revisions[key.resource] = event.object.revision
        let statement = event.kind == .deleted ? writer.delete : writer.put
        statement.bind(1, key.resource)
        statement.bind(2, key.namespace)
        statement.bind(3, key.name)
        if event.kind != .deleted { statement.bind(4, event.object.bytes) }
        try statement.run()
      }
      for (resource, revision) in revisions {
        writer.mark.bind(1, resource)
        writer.mark.bind(2, revision)
        try writer.mark.run()
      }
      try writer.database.run("COMMIT")
    } catch {
      try? writer.database.run("ROLLBACK")
      throw error
    }
  }

  /// Begins to follow the changes of a resource after a revision.
  package func follow(_ resource: String, after revision: UInt64) throws(SystemError) -> StoreCursor {
    let cursor = try StoreCursor(resource: resource, revision: revision, store: self)
    state.withLock { $0.tables[resource, default: StoreTable()].followers[ObjectIdentifier(cursor)] = cursor }
    return cursor
  }

  func unfollow(_ cursor: StoreCursor) {
    state.withLock { _ = $0.tables[cursor.resource]?.followers.removeValue(forKey: ObjectIdentifier(cursor)) }
  }

  /// The changes of a resource after a revision and the revision up to which they are complete; nil if the history no
  /// longer reaches back that far.
  func changes(_ resource: String, after revision: UInt64) -> (events: [StoreEvent], revision: UInt64)? {
    state.withLock { state in
      guard let table = state.tables[resource] else { return ([], max(revision, state.revision)) }
      guard revision >= table.floor else { return nil }
      return (Array(table.events(after: revision)), max(revision, state.revision))
    }
  }
}
