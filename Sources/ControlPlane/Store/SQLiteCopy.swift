internal import CSQLite
internal import Glibc

/// A copy of a database while it is made (https://www.sqlite.org/backup.html). Writes through the connection that is
/// copied may go on between the steps; the copy is of the moment of its last step. All calls are the connection's: one
/// thread at a time.
final class SQLiteCopy {
  private let database: SQLiteDatabase
  private let path: String
  private var destination: OpaquePointer?
  private var backup: OpaquePointer?

  /// Begins a copy; it has another name until it is whole.
  init(of database: SQLiteDatabase, to path: String) throws(StoreError) {
    self.database = database
    self.path = path
    for suffix in ["", "-journal", "-wal"] { unlink(path + ".partial" + suffix) }
    let descriptor = open(path + ".partial", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(path, "cannot be created: \(String(cString: strerror(errno)))")
    }
    close(descriptor)
    destination = try SQLiteDatabase.open(path + ".partial", SQLITE_OPEN_READWRITE)
    backup = sqlite3_backup_init(destination, "main", database.handle, "main")
    if backup == nil { throw failure() }
  }

  deinit {
    if let backup { sqlite3_backup_finish(backup) }
    if let destination {
      sqlite3_close_v2(destination)
      for suffix in ["", "-journal", "-wal"] { unlink(path + ".partial" + suffix) }
    }
  }

  private func failure() -> StoreError {
    StoreError(path, "cannot be written: \(String(cString: sqlite3_errmsg(destination)))")
  }

  /// Copies some pages more; true once all are.
  func step(pages: CInt) throws(StoreError) -> Bool {
    switch sqlite3_backup_step(backup, pages) {
    case SQLITE_OK: return false
    case SQLITE_DONE: return true
    case let code: throw StoreError(path, "cannot be written: \(String(cString: sqlite3_errstr(code)))")
    }
  }

  /// Lets go of the copied connection. After the last step.
  func detach() throws(StoreError) {
    let code = sqlite3_backup_finish(backup)
    backup = nil
    if code != SQLITE_OK { throw failure() }
  }

  /// Makes the copy one file without a log, checks it, and gives it its name. After the last step; does not touch the
  /// copied connection once that was detached.
  func finish() throws(StoreError) {
    if backup != nil { try detach() }
    var findings: [String] = []
    let code = withUnsafeMutablePointer(to: &findings) { findings in
      sqlite3_exec(
        destination, "PRAGMA journal_mode = DELETE; PRAGMA quick_check(1)",
        { context, count, values, _ in
          if count > 0, let text = values?[0] {
            context?.assumingMemoryBound(to: [String].self).pointee.append(String(cString: text))
          }
          return 0
        }, findings, nil)
    }
    guard code == SQLITE_OK else { throw failure() }
    guard findings.last == "ok" else {
      throw StoreError(path, "was not written as it should be: \(findings.joined(separator: "; "))")
    }
    sqlite3_close_v2(destination)
    destination = nil
    try SQLiteDatabase.rename(path + ".partial", to: path)
  }
}
