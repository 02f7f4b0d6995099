import ControlPlane
import Glibc
import JSON
import Linux
import Testing

@Suite("Store")
struct StoreTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/swt-api-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { try? Files.removeTree(folder) }
    try body(folder)
  }

  private func put(_ store: ObjectStore, _ name: String, _ value: JSON = ["metadata": [:]]) throws -> UInt64 {
    try store.write { $0.put(StoreKey("things", namespace: "n", name: name), value).revision }
  }

  @Test func objectsAndRevisionsSurviveARestart() throws {
    try withFolder { folder in
      var last: UInt64 = 0
      do {
        let store = try ObjectStore(path: folder + "/db")
        _ = try put(store, "a", ["x": 1, "metadata": [:]])
        _ = try put(store, "b")
        last = try store.write { $0.delete(StoreKey("things", namespace: "n", name: "b"))!.revision }
      }
      let store = try ObjectStore(path: folder + "/db")
      #expect(store.revision == last)
      #expect(store.list("things").objects.map(\.key.name) == ["a"])
      #expect(store.get(StoreKey("things", namespace: "n", name: "a"))?.value["x"] == 1)
      #expect(try put(store, "c") > last)
      // A watch from the last change before the restart goes on; one from before that must start anew.
      #expect(try store.follow("things", after: last).next()?.events.count == 1)
      #expect(try store.follow("things", after: last - 1).next() == nil)
    }
  }

  @Test func aTransactionThatThrowsChangesNothing() throws {
    struct Refused: Error {}
    try withFolder { folder in
      let store = try ObjectStore(path: folder + "/db")
      let before = store.revision
      #expect(throws: Refused.self) {
        try store.write { transaction in
          transaction.put(StoreKey("things", name: "a"), [:])
          throw Refused()
        }
      }
      #expect(store.revision == before)
      #expect(store.list("things").objects.isEmpty)
    }
  }

  @Test func othersFilesAreRefusedAndLeftAlone() throws {
    try withFolder { folder in
      let path = folder + "/db"
      func refused(_ bytes: [UInt8], _ reason: String) throws {
        try Files.write(path, bytes)
        let error = #expect(throws: StoreError.self) { try ObjectStore(path: path) }
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
        #expect(try Files.read(path) == bytes)
      }
      try refused([], "truncated")
      try refused(Array("hello".utf8), "no SQLite database")
      let sqlite = try ChildProcess.run(["sqlite3", path + ".other", "create table t(a)"])
      if sqlite.status.isSuccess { try refused(try Files.read(path + ".other"), "another program's") }
      try Files.remove(path)
      do {
        let store = try ObjectStore(path: path)
        for index in 0..<200 {
          _ = try put(store, "o\(index)", ["pad": .string(String(repeating: "x", count: 500)), "metadata": [:]])
        }
      }
      let whole = try Files.read(path)
      try refused(Array(whole[..<(whole.count / 2)]), "damaged")
      try refused(Array(whole[..<50]), "no SQLite database")
    }
  }

  @Test func aSecondProcessIsRefused() throws {
    try withFolder { folder in
      let store = try ObjectStore(path: folder + "/db")
      let error = #expect(throws: StoreError.self) { try ObjectStore(path: folder + "/db") }
      #expect(error?.reason.contains("in use") == true)
      #expect(store.revision > 0)
    }
  }

  @Test func theListOfAnEarlierRevisionIsRebuilt() throws {
    try withFolder { folder in
      let store = try ObjectStore(path: folder + "/db", historyLimit: StoreHistoryLimit(changes: 8))
      _ = try put(store, "a")
      let second = try put(store, "b")
      _ = try store.write { $0.delete(StoreKey("things", namespace: "n", name: "a")) }
      _ = try put(store, "c")
      #expect(store.list("things", namespace: nil, at: second)?.map(\.key.name) == ["a", "b"])
      for _ in 0..<10 { _ = try put(store, "c") }
      #expect(store.list("things", namespace: nil, at: second) == nil)
    }
  }
}
