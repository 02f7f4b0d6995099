/// What the store holds in memory.
struct StoreState {
  var revision: UInt64 = 1  // A new cluster begins at 1: "0" means "any" to clients.
  /// Of resources without a table nothing is known before this revision.
  private var floor: UInt64 = 0
  private var tables: [String: StoreTable] = [:]

  init() {}

  /// Reads what a file holds, and checks that every object is what was written.
  init(reading database: SQLiteDatabase) throws(StoreError) {
    var floors: [String: UInt64] = [:]
    try database.query("SELECT resource, revision FROM resources") { floors[$0.text(0)] = $0.number(1) }
    floor = floors.removeValue(forKey: "") ?? 0
    revision = max(revision, floor)
    for (resource, newest) in floors {
      revision = max(revision, newest)
      tables[resource] = StoreTable(floor: newest)
    }
    var damaged: [StoreKey] = []
    var tables = self.tables
    try database.query("SELECT resource, namespace, name, revision, checksum, body FROM objects") { row in
      let key = StoreKey(row.text(0), namespace: row.text(1), name: row.text(2))
      let object = StoredObject(key, revision: row.number(3), bytes: row.bytes(5))
      if object.checksum != row.number(4) {
        damaged.append(key)
      } else {
        tables[key.resource, default: StoreTable(floor: floor)].load(object)
      }
    }
    self.tables = tables
    if let first = damaged.first {
      let others = damaged.count > 1 ? " and \(damaged.count - 1) more are" : " is"
      throw database.damaged("\(first)\(others) not what was written: another checksum")
    }
  }

  /// How many objects there are.
  var count: Int { tables.values.reduce(0) { $0 + $1.count } }

  func get(_ key: StoreKey) -> StoredObject? { tables[key.resource]?.objects[key.namespace]?[key.name] }

  /// The objects, history and followers of a resource.
  subscript(resource: String) -> StoreTable {
    get { tables[resource] ?? StoreTable(floor: floor) }
    _modify { yield &tables[resource, default: StoreTable(floor: floor)] }
  }

  /// Makes committed changes visible and returns who follows them.
  mutating func publish(_ events: [StoreEvent], limit: StoreHistoryLimit) -> [StoreCursor] {
    for event in events {
      revision = max(revision, event.object.revision)
      self[event.object.key.resource].append(event, limit: limit)
    }
    return Set(events.map(\.object.key.resource)).flatMap { self[$0].followers.values }
  }
}
