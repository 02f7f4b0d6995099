internal import CSQLite
internal import Glibc

/// One connection to a SQLite file of ours. Not safe to call from two threads at once.
final class SQLiteDatabase {
  let handle: OpaquePointer
  let path: String

  /// Opens a database of ours in the layout of this program, or makes a new one where no file is. A file that is not ours,
  /// is damaged, is of a later layout, or is in use by another process is refused and left as it is. A file of an earlier
  /// layout is copied beside itself and then brought to this one.
  ///
  /// - Parameter checkpointPages: after how many pages of the write-ahead log they are moved to the file itself.
  init(path: String, checkpointPages: Int = 1000) throws(StoreError) {
    self.path = path
    let layout: UInt32
    if access(path, F_OK) == 0 {
      layout = try Self.checkHeader(path)
    } else {
      try Self.create(path)
      layout = StoreLayout.version
    }
    handle = try Self.open(path, SQLITE_OPEN_READWRITE)
    do {
      // One process owns the file; a second one is refused instead of corrupting what both believe to know.
      try run("PRAGMA locking_mode = EXCLUSIVE")
      try run("PRAGMA journal_mode = WAL")
      // Each commit is on the disk before it returns (fdatasync of the log), so that neither a killed process nor a
      // machine without power loses it. NORMAL would lose the last commits with the power.
      try run("PRAGMA synchronous = FULL")
      try run("PRAGMA wal_autocheckpoint = \(checkpointPages)")
      try run("BEGIN IMMEDIATE; COMMIT")
      try check()
      if layout < StoreLayout.version { try migrate(from: layout) }
    } catch {
      sqlite3_close_v2(handle)
      throw error
    }
  }

  deinit { sqlite3_close_v2(handle) }

  static func open(_ path: String, _ flags: CInt) throws(StoreError) -> OpaquePointer {
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let handle else {
      let reason = String(cString: sqlite3_errstr(code))
      sqlite3_close_v2(handle)
      throw StoreError(path, "cannot be opened: \(reason)")
    }
    return handle
  }

  /// Makes the file under another name and renames it when it is whole, so that a crash leaves none or a good one.
  private static func create(_ path: String) throws(StoreError) {
    // A log or half a restore without its database is the trace of something that was interrupted, not a new beginning.
    for trace in [path + "-wal", StoreRestore.temporary(path)] where access(trace, F_OK) == 0 {
      throw StoreError(
        path,
        "is missing although \(trace) is there; repeat the restore that was interrupted "
          + "(swiftlet server restore FILE), or move that file away to start anew")
    }
    let temporary = path + ".new"
    unlink(temporary)
    let handle = try open(temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
    let code = sqlite3_exec(handle, StoreLayout.creation, nil, nil, nil)
    let reason = String(cString: sqlite3_errmsg(handle))
    sqlite3_close_v2(handle)
    guard code == SQLITE_OK else { throw StoreError(path, "cannot be created: \(reason)") }
    chmod(temporary, 0o600)
    try rename(temporary, to: path)
  }

  /// Renames a file so that the new name is there after a power loss too.
  static func rename(_ from: String, to path: String) throws(StoreError) {
    guard Glibc.rename(from, path) == 0 else {
      throw StoreError(path, "cannot be made from \(from): \(String(cString: strerror(errno)))")
    }
    let folder = Glibc.open(StoreError.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(folder) }
    guard folder >= 0, fsync(folder) == 0 else {
      throw StoreError(path, "cannot be made durable: fsync of its folder: \(String(cString: strerror(errno)))")
    }
  }

  /// Lets SQLite look at every page.
  private func check() throws(StoreError) {
    var findings: [String] = []
    do {
      try query("PRAGMA quick_check(3)") { findings.append($0.text(0)) }
    } catch {
      findings.append(error.reason)
    }
    if findings != ["ok"] { throw damaged(findings.joined(separator: "; ")) }
  }

  /// Brings the file to this program's layout; what it was stays beside it, for a return to the earlier program.
  private func migrate(from layout: UInt32) throws(StoreError) {
    let kept = "\(path).layout-\(layout)"
    let copy = try SQLiteCopy(of: self, to: kept)
    while try !copy.step(pages: 4096) {}
    try copy.finish()
    try StoreLayout.migrateFrom1(self)
  }

  func damaged(_ finding: String) -> StoreError { .damaged(path, finding) }

  private func failure(_ code: CInt, _ what: String) -> StoreError {
    if code & 0xFF == SQLITE_BUSY { return .inUse(path) }
    if code & 0xFF == SQLITE_FULL { return .full(path) }
    let reason = String(cString: sqlite3_errmsg(handle))
    if code & 0xFF == SQLITE_CORRUPT || code & 0xFF == SQLITE_NOTADB { return damaged(reason) }
    return StoreError(path, "\(what): \(reason)")
  }

  func run(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw failure(code, "refused \"\(sql)\"") }
  }

  /// Runs a query and hands each row over.
  func query(_ sql: String, _ row: (SQLiteStatement) throws(StoreError) -> Void) throws(StoreError) {
    let statement = try prepare(sql)
    while try statement.step() { try row(statement) }
  }

  func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw failure(code, "refused \"\(sql)\"") }
    return SQLiteStatement(statement, path: path)
  }
}
