/// The layout of the tables in a store's file, and how a file of an earlier layout becomes one of this.
///
/// 1 (until 0.1): `objects` without revision and checksum. 2: both are columns, so that a start checks every object
/// without parsing it, and `resources` may hold a row with an empty name: the revision before which nothing is known.
enum StoreLayout {
  /// "SwLt" in the file's header tells our databases from any other program's.
  static let applicationID: UInt32 = 0x5377_4C74
  static let version: UInt32 = 2

  static let objects = """
    CREATE TABLE objects (resource TEXT, namespace TEXT, name TEXT, revision INTEGER NOT NULL,
      checksum INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
    """

  static let creation = """
    PRAGMA application_id = \(applicationID); PRAGMA user_version = \(version);
    \(objects)
    CREATE TABLE resources (resource TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
    """

  /// Makes an object's row in the order of `row`'s parameters.
  static let put = "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)"

  /// Brings a database of layout 1 to this one, in one transaction.
  static func migrateFrom1(_ database: SQLiteDatabase) throws(StoreError) {
    try database.run("BEGIN IMMEDIATE; ALTER TABLE objects RENAME TO earlier; \(objects)")
    do {
      let put = try database.prepare(put)
      try database.query("SELECT resource, namespace, name, body FROM earlier") { row throws(StoreError) in
        let key = StoreKey(row.text(0), namespace: row.text(1), name: row.text(2))
        guard let object = StoredObject(key, readingRevisionFrom: row.bytes(3)) else {
          throw database.damaged("\(key) is no JSON with a resourceVersion")
        }
        try put.put(object)
      }
      try database.run("DROP TABLE earlier; PRAGMA user_version = \(version); COMMIT")
    } catch {
      try? database.run("ROLLBACK")
      throw error
    }
  }
}

extension SQLiteStatement {
  /// Runs `StoreLayout.put` for an object.
  func put(_ object: StoredObject) throws(StoreError) {
    bind(1, object.key.resource)
    bind(2, object.key.namespace)
    bind(3, object.key.name)
    bind(4, object.revision)
    bind(5, object.checksum)
    bind(6, object.bytes)
    try run()
  }
}
