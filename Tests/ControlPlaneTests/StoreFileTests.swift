import ControlPlane
import Glibc
import JSON
import Linux
import StoreScript
import Synchronization
import Testing

/// The store's file: layouts, damage, backup and restore.
@Suite("Store file")
struct StoreFileTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/swt-store-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    try body(folder)
  }

  @discardableResult
  private func sqlite(_ path: String, _ sql: String) throws -> String {
    let result = try ChildProcess.run(["sqlite3", path, sql])
    try #require(result.status.isSuccess, "\(String(decoding: result.standardError, as: UTF8.self))")
    return String(decoding: result.standardOutput, as: UTF8.self)
  }

  /// Whether the history of a resource reaches back to a revision.
  private func reaches(_ store: ObjectStore, _ resource: String, _ revision: UInt64) throws -> Bool {
    let cursor = try store.follow(resource, after: revision)
    defer { cursor.close() }
    return cursor.next() != nil
  }

  private func run(_ numbers: ClosedRange<Int>, _ store: ObjectStore) throws {
    for number in numbers { try store.write { StoreScript.run(number, $0) } }
  }

  /// A file as version 0.1 wrote it.
  private func writeLayout1(_ path: String, body: String = #"{"metadata":{"resourceVersion":"7"},"data":{"k":"ü"}}"#)
    throws
  {
    try sqlite(
      path,
      """
      PRAGMA application_id = 0x53774C74; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;
      CREATE TABLE objects (resource TEXT, namespace TEXT, name TEXT, body BLOB NOT NULL,
        PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
      CREATE TABLE resources (resource TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
      INSERT INTO objects VALUES ('configmaps', 'default', 'c', CAST('\(body)' AS BLOB));
      INSERT INTO resources VALUES ('configmaps', 7), ('pods', 9);
      """)
  }

  @Test func theEarlierLayoutBecomesThisOneAndIsKept() throws {
    try withFolder { folder in
      let path = folder + "/db"
      try writeLayout1(path)
      do {
        let store = try ObjectStore(path: path)
        let object = try #require(store.get(StoreKey("configmaps", namespace: "default", name: "c")))
        #expect(object.revision == 7)
        #expect(object.value["data", "k"] == "ü")
        #expect(store.revision == 9)
        try run(1...3, store)
      }
      #expect(StoreScript.faults(in: try ObjectStore(path: path), after: 3) == [])
      #expect(try sqlite(path, "PRAGMA user_version") == "2\n")
      // What it was can be opened by the earlier version again.
      #expect(try sqlite(path + ".layout-1", "PRAGMA user_version; SELECT count(*) FROM objects") == "1\n1\n")
    }
  }

  @Test func aMigrationThatFailsLeavesTheFileAsItWas() throws {
    try withFolder { folder in
      let path = folder + "/db"
      try writeLayout1(path, body: "no JSON")
      let error = #expect(throws: StoreError.self) { try ObjectStore(path: path) }
      #expect(error?.reason.contains("configmaps default/c") == true, "\(error?.description ?? "")")
      #expect(try sqlite(path, "PRAGMA user_version; SELECT count(*) FROM objects") == "1\n1\n")
    }
  }

  @Test func aLaterLayoutIsRefused() throws {
    try withFolder { folder in
      let path = folder + "/db"
      do { try run(1...2, try ObjectStore(path: path)) }
      try sqlite(path, "PRAGMA user_version = 3")
      let error = #expect(throws: StoreError.self) { try ObjectStore(path: path) }
      #expect(error?.reason.contains("later version") == true)
      let refusal = #expect(throws: StoreError.self) { try StoreRestore.run(from: path, to: folder + "/other") }
      #expect(refusal?.reason.contains("later version") == true)
      #expect(!Files.exists(folder + "/other"))
    }
  }

  @Test func anObjectThatChangedOnTheDiskIsNoticedAndNamed() throws {
    try withFolder { folder in
      let path = folder + "/db"
      do { try run(1...2, try ObjectStore(path: path)) }
      // A change that SQLite takes for a write: its own check cannot find it.
      try sqlite(path, "UPDATE objects SET body = replace(body, 'x', 'y') WHERE name = 'left-2'")
      let error = #expect(throws: StoreError.self) { try ObjectStore(path: path) }
      #expect(error?.reason.contains("pairs n2/left-2") == true, "\(error?.description ?? "")")
      #expect(error?.reason.contains("swiftlet server restore") == true)
    }
  }

  @Test func aBackupOfAStoreThatIsWrittenToIsOfOneMoment() throws {
    try withFolder { folder in
      let store = try ObjectStore(path: folder + "/db")
      try run(1...400, store)
      let isDone = Atomic(false)
      let writer = Thread("writer") {
        var number = 401
        while !isDone.load(ordering: .relaxed) {
          _ = try? store.write { StoreScript.run(number, $0) }
          number += 1
        }
      }
      var revisions: [Int] = []
      for copy in 0..<4 {
        let path = "\(folder)/copy\(copy)"
        let before = StoreScript.number(in: store)
        #expect(try store.backup(to: path) > 4096)
        let backup = try ObjectStore(path: path)
        let number = StoreScript.number(in: backup)
        #expect(number >= before)
        #expect(StoreScript.faults(in: backup, after: number) == [])
        revisions.append(number)
      }
      isDone.store(true, ordering: .relaxed)
      writer.join()
      #expect(revisions == revisions.sorted())
      #expect(StoreScript.faults(in: store, after: StoreScript.number(in: store)) == [])
      let error = #expect(throws: StoreError.self) { try store.backup(to: folder + "/missing/copy") }
      #expect(error?.reason.contains("No such file") == true)
    }
  }

  @Test func aRunningServerIsCopiedThroughItsSocket() throws {
    try withFolder { folder in
      let store = try ObjectStore(path: folder + "/db")
      try run(1...30, store)
      let server = try BackupServer(store, path: "\(folder)/\(BackupServer.socketName)")
      server.start()
      _ = try BackupClient.run(dataFolder: folder, database: folder + "/db", to: folder + "/copy")
      #expect(StoreScript.faults(in: try ObjectStore(path: folder + "/copy"), after: 30) == [])
      let error = #expect(throws: StoreError.self) {
        try BackupClient.run(dataFolder: folder, database: folder + "/db", to: folder + "/no/copy")
      }
      #expect(error?.reason.contains("No such file") == true)
      server.stop()
      // Without the socket the file itself is asked, which is in use.
      let refusal = #expect(throws: StoreError.self) {
        try BackupClient.run(dataFolder: folder, database: folder + "/db", to: folder + "/copy2")
      }
      #expect(refusal?.reason.contains("in use") == true)
    }
  }

  @Test func aRestoreKeepsTheEarlierStoreAndStartsNewRevisions() throws {
    try withFolder { folder in
      let path = folder + "/db"
      var newest: UInt64 = 0
      do {
        let store = try ObjectStore(path: path)
        try run(1...10, store)
        try store.backup(to: folder + "/backup")
        try run(11...20, store)
        newest = store.revision
        let refusal = #expect(throws: StoreError.self) { try StoreRestore.run(from: folder + "/backup", to: path) }
        #expect(refusal?.reason.contains("in use") == true)
      }
      let outcome = try StoreRestore.run(from: folder + "/backup", to: path)
      do {
        let store = try ObjectStore(path: path)
        #expect(StoreScript.faults(in: store, after: 10) == [])
        #expect(store.revision == outcome.revision && store.revision > newest)
        // Who saw what the backup does not know must list anew, of any resource.
        #expect(try reaches(store, "pairs", newest) == false)
        #expect(try reaches(store, "services", newest) == false)
        #expect(try reaches(store, "services", store.revision))
        try run(11...12, store)
      }
      #expect(StoreScript.faults(in: try ObjectStore(path: try #require(outcome.kept)), after: 20) == [])
      // A second restore in the same second has another name for what it keeps.
      let again = try StoreRestore.run(from: folder + "/backup", to: path)
      #expect(again.kept != outcome.kept)
      #expect(StoreScript.faults(in: try ObjectStore(path: try #require(again.kept)), after: 12) == [])
    }
  }

  @Test func aDamagedBackupIsRefusedAndADamagedStoreIsReplaced() throws {
    try withFolder { folder in
      let path = folder + "/db"
      do {
        let store = try ObjectStore(path: path)
        try run(1...40, store)
        try store.backup(to: folder + "/backup")
      }
      let whole = try Files.read(folder + "/backup")
      try Files.write(folder + "/half", Array(whole[..<(whole.count / 2)]))
      let error = #expect(throws: StoreError.self) { try StoreRestore.run(from: folder + "/half", to: path) }
      #expect(error?.path == folder + "/half" && error?.reason.contains("damaged") == true)
      #expect(StoreScript.faults(in: try ObjectStore(path: path), after: 40) == [])
      try Files.write(path, Array(try Files.read(path)[..<8192]))
      #expect(throws: StoreError.self) { try ObjectStore(path: path) }
      let outcome = try StoreRestore.run(from: folder + "/backup", to: path)
      #expect(StoreScript.faults(in: try ObjectStore(path: path), after: 40) == [])
      #expect(try Files.read(try #require(outcome.kept)).count == 8192)
    }
  }

  @Test func anInterruptedRestoreIsNoNewBeginning() throws {
    try withFolder { folder in
      let path = folder + "/db"
      do { try run(1...4, try ObjectStore(path: path)) }
      // The state between the two renames: the earlier store is put aside, the new one has not its name yet.
      try #require(rename(path, path + ".restoring") == 0)
      let error = #expect(throws: StoreError.self) { try ObjectStore(path: path) }
      #expect(error?.reason.contains("restore") == true)
      #expect(!Files.exists(path))
    }
  }

  @Test func aLogWithoutItsDatabaseIsRefused() throws {
    try withFolder { folder in
      try Files.write(folder + "/db-wal", [1, 2, 3])
      let error = #expect(throws: StoreError.self) { try ObjectStore(path: folder + "/db") }
      #expect(error?.reason.contains("db-wal") == true)
    }
  }

  @Test func theHistoryIsBoundedInBytesToo() throws {
    try withFolder { folder in
      let store = try ObjectStore(
        path: folder + "/db", historyLimit: StoreHistoryLimit(changes: 1000, bytes: 100_000))
      let first = store.revision
      for _ in 0..<20 {
        try store.write {
          _ = $0.put(
            StoreKey("things", name: "a"), ["metadata": [:], "x": .string(String(repeating: "x", count: 9000))])
        }
      }
      #expect(try reaches(store, "things", first) == false)
      #expect(try reaches(store, "things", store.revision - 4))
      #expect(store.list("things", namespace: nil, at: store.revision - 4)?.count == 1)
    }
  }
}
