internal import CSQLite
internal import Glibc

/// One connection to a SQLite file of ours. Not safe to call from two threads at once.
final class SQLiteDatabase {
  /// "SwLt" in the file's header tells our databases from any other program's.
  static let applicationID: UInt32 = 0x5377_4C74
  /// The layout of our tables.
  static let layoutVersion: UInt32 = 1

  private let handle: OpaquePointer
  let path: String

  /// Opens a database of ours, or makes a new one where no file is. A file that is not ours, is damaged, or is in use by
  /// another process is refused and left as it is.
  init(path: String) throws(StoreError) {
    self.path = path
    if access(path, F_OK) == 0 {
      try Self.checkHeader(path)
    } else {
      try Self.create(path)
    }
    handle = try Self.open(path, SQLITE_OPEN_READWRITE)
    do {
      // One process owns the file; a second one is refused instead of corrupting what both believe to know.
      try run("PRAGMA locking_mode = EXCLUSIVE")
      try run("PRAGMA journal_mode = WAL")
      try run("PRAGMA synchronous = FULL")
      try run("BEGIN IMMEDIATE; COMMIT")
    } catch {
      sqlite3_close_v2(handle)
      throw error
    }
    var findings: [String] = []
    do {
      try query("PRAGMA quick_check(3)") { findings.append($0.text(0)) }
    } catch {
      findings.append(error.reason)
    }
    if findings != ["ok"] {
      sqlite3_close_v2(handle)
      throw Self.damaged(path, findings.joined(separator: "; "))
    }
  }

  deinit { sqlite3_close_v2(handle) }

  private static func open(_ path: String, _ flags: CInt) throws(StoreError) -> OpaquePointer {
    var handle: OpaquePointer?
    let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let handle else {
      let reason = String(cString: sqlite3_errstr(code))
      sqlite3_close_v2(handle)
      throw StoreError(path, "cannot be opened: \(reason)")
    }
    return handle
  }

  /// Reads the 100 bytes of the file header (https://www.sqlite.org/fileformat.html section 1.3) without SQLite, which
  /// would already replay another program's journal.
  private static func checkHeader(_ path: String) throws(StoreError) {
    guard let file = fopen(path, "re") else {
      throw StoreError(path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var header = [UInt8](repeating: 0, count: 100)
    let count = fread(&header, 1, 100, file)
    guard count > 0 else {
      throw StoreError(path, "is empty, so it was truncated; restore a copy, or remove it to start anew")
    }
    guard count == 100, header.starts(with: Array("SQLite format 3\0".utf8)) else {
      throw StoreError(path, "is no SQLite database; name another file, this one is left as it is")
    }
    func number(_ offset: Int) -> UInt32 { header[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
    guard number(68) == applicationID else {
      throw StoreError(path, "is another program's SQLite database; name another file, this one is left as it is")
    }
    guard number(60) == layoutVersion else {
      throw StoreError(path, "has layout \(number(60)), this program knows layout \(layoutVersion)")
    }
  }

  /// Makes the file under another name and renames it when it is whole, so that a crash leaves none or a good one.
  private static func create(_ path: String) throws(StoreError) {
    let temporary = path + ".new"
    unlink(temporary)
    let handle = try open(temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
    let code = sqlite3_exec(
      handle,
      """
      PRAGMA application_id = \(applicationID); PRAGMA user_version = \(layoutVersion);
      CREATE TABLE objects (resource TEXT, namespace TEXT, name TEXT, body BLOB NOT NULL,
        PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
      CREATE TABLE resources (resource TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
      """, nil, nil, nil)
    let reason = String(cString: sqlite3_errmsg(handle))
    sqlite3_close_v2(handle)
    guard code == SQLITE_OK else { throw StoreError(path, "cannot be created: \(reason)") }
    chmod(temporary, 0o600)
    guard rename(temporary, path) == 0 else {
      throw StoreError(path, "cannot be created: \(String(cString: strerror(errno)))")
    }
  }

  private static func damaged(_ path: String, _ finding: String) -> StoreError {
    StoreError(path, "is damaged (\(finding)); restore a copy, or remove it to start anew")
  }

  private func failure(_ code: CInt, _ what: String) -> StoreError {
    if code & 0xFF == SQLITE_BUSY {
      return StoreError(path, "is in use by another process; stop it first, or name another file")
    }
    let reason = String(cString: sqlite3_errmsg(handle))
    if code & 0xFF == SQLITE_CORRUPT || code & 0xFF == SQLITE_NOTADB { return Self.damaged(path, reason) }
    return StoreError(path, "\(what): \(reason)")
  }

  func run(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    if code != SQLITE_OK { throw failure(code, "refused \"\(sql)\"") }
  }

  /// Runs a query and hands each row over.
  func query(_ sql: String, _ row: (SQLiteStatement) -> Void) throws(StoreError) {
    let statement = try prepare(sql)
    while try statement.step() { row(statement) }
  }

  func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw failure(code, "refused \"\(sql)\"") }
    return SQLiteStatement(statement, path: path)
  }
}
