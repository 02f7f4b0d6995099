internal import Glibc
internal import JSON
package import Linux
internal import Synchronization

/// All objects of the cluster: durable in SQLite, read from memory, watched through short histories.
///
/// Writes are serial: one transaction is evaluated, committed to the file and only then made visible, so that no reader
/// sees what a power failure could take back. Readers never wait for the disk.
package final class ObjectStore: Sendable {
  private let historyLimit: StoreHistoryLimit
  private let state: Mutex<StoreState>
  private let writer: Mutex<Writer>
  private let log = Log("store")
  /// How many follow changes, of whatever resource.
  private let followerCount = Atomic(0)
  private let observers: @Sendable ([StoreEvent]) -> Void
  /// Last, so that the file is closed when another may open it.
  private let lock: StoreLock

  private struct Writer: ~Copyable {
    var database: SQLiteDatabase
    var put: SQLiteStatement
    var delete: SQLiteStatement
    var mark: SQLiteStatement
    /// The last commit failed, and the log says so.
    var isFailing = false
  }

  /// Opens the store, or makes a new one where no file is. `observers` is called after each commit, still before the next
  /// write begins, for indexes that admission needs.
  ///
  /// - Parameters:
  ///   - historyLimit: how far a watch may lag behind before it must start anew.
  ///   - checkpointPages: after how many pages of 4 KiB the write-ahead log is moved to the file itself.
  package init(
    path: String, historyLimit: StoreHistoryLimit = StoreHistoryLimit(), checkpointPages: Int = 1000,
    observers: @escaping @Sendable ([StoreEvent]) -> Void = { _ in }
  ) throws(StoreError) {
    lock = try StoreLock(path)
    let database = try SQLiteDatabase(path: path, checkpointPages: checkpointPages)
    state = Mutex(try StoreState(reading: database))
    self.historyLimit = historyLimit
    self.observers = observers
    let put = try database.prepare(StoreLayout.put)
    let delete = try database.prepare("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?")
    let mark = try database.prepare("INSERT OR REPLACE INTO resources VALUES (?, ?)")
    writer = Mutex(Writer(database: database, put: put, delete: delete, mark: mark))
  }

  /// The revision of the newest write.
  package var revision: UInt64 { state.withLock { $0.revision } }

  package func get(_ key: StoreKey) -> StoredObject? { state.withLock { $0.get(key) } }

  /// The objects of a resource, of one namespace or of all, sorted by namespace and name, and the revision they are of.
  package func list(_ resource: String, namespace: String? = nil) -> (revision: UInt64, objects: [StoredObject]) {
    let (revision, table) = state.withLock { ($0.revision, $0[resource].objects) }
    return (revision, StoreTable.sorted(table, namespace: namespace))
  }

  /// The objects as they were at a revision; nil if that is longer ago than the history reaches.
  package func list(_ resource: String, namespace: String?, at revision: UInt64) -> [StoredObject]? {
    let table = state.withLock { $0[resource] }
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
      do { try Self.commit(events, &writer) } catch {
        // Once, not at each of the writes that fail now.
        if !writer.isFailing { log.error("writes are refused: \(error)") }
        writer.isFailing = true
        throw error
      }
      if writer.isFailing {
        log.info("writes are accepted again")
        writer.isFailing = false
      }
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
        if event.kind == .deleted {
          writer.delete.bind(1, key.resource)
          writer.delete.bind(2, key.namespace)
          writer.delete.bind(3, key.name)
          try writer.delete.run()
        } else {
          try writer.put.put(event.object)
        }
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

  /// Writes a copy of the store as it is now to another file, which appears there when it is whole and checked. Reads and
  /// writes go on meanwhile. Returns the size of the copy in bytes.
  @discardableResult
  package func backup(to path: String) throws(StoreError) -> Int {
    let copy = try writer.withLock { writer throws(StoreError) in try SQLiteCopy(of: writer.database, to: path) }
    // The copy and the store share a connection, so the copy's every step is the writer's.
    var isComplete = false
    while !isComplete {
      isComplete = try writer.withLock { _ throws(StoreError) in
        guard try copy.step(pages: 256) else { return false }
        try copy.detach()
        return true
      }
    }
    try copy.finish()
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Begins to follow the changes of a resource after a revision.
  package func follow(_ resource: String, after revision: UInt64) throws(SystemError) -> StoreCursor {
    let cursor = try StoreCursor(resource: resource, revision: revision, store: self)
    followerCount.add(1, ordering: .relaxed)
    state.withLock { $0[resource].followers[ObjectIdentifier(cursor)] = cursor }
    return cursor
  }

  /// How many follow the changes of a resource: watches in progress.
  package func followers(_ resource: String) -> Int { state.withLock { $0[resource].followers.count } }

  func unfollow(_ cursor: StoreCursor) {
    let follower = state.withLock { $0[cursor.resource].followers.removeValue(forKey: ObjectIdentifier(cursor)) }
    if follower != nil { followerCount.subtract(1, ordering: .relaxed) }
  }

  /// Milliseconds for which a follower that has just taken changes leaves the next ones to gather, so that very many do
  /// not wake for each change one by one: 40 with a thousand, nothing with few. What they cost together is the same for
  /// any number of changes.
  var pace: Int { followerCount.load(ordering: .relaxed) / 25 }

  /// The changes of a resource after a revision and the revision up to which they are complete; nil if the history no
  /// longer reaches back that far.
  func changes(_ resource: String, after revision: UInt64) -> (events: [StoreEvent], revision: UInt64)? {
    state.withLock { state in
      let newest = max(revision, state.revision)
      // In its place: a copy of the table, however short, is counted by all processors at one place.
      return state[resource].batch(after: revision).map { ($0, newest) }
    }
  }
}
