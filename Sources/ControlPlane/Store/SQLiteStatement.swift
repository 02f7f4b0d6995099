internal import CSQLite

/// A prepared statement.
final class SQLiteStatement {
  private let handle: OpaquePointer
  private let path: String

  init(_ handle: OpaquePointer, path: String) {
    self.handle = handle
    self.path = path
  }

  deinit { sqlite3_finalize(handle) }

  /// Tells SQLite to copy what is bound (its macro SQLITE_TRANSIENT, which Swift cannot import).
  private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  func bind(_ index: CInt, _ text: String) { sqlite3_bind_text(handle, index, text, -1, Self.copied) }
  func bind(_ index: CInt, _ number: UInt64) { sqlite3_bind_int64(handle, index, Int64(bitPattern: number)) }
  func bind(_ index: CInt, _ bytes: [UInt8]) {
    _ = bytes.withUnsafeBytes { sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), Self.copied) }
  }

  /// True while there is another row.
  func step() throws(StoreError) -> Bool {
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let code:
      let reason = String(cString: sqlite3_errmsg(sqlite3_db_handle(handle)))
      sqlite3_reset(handle)
      throw code & 0xFF == SQLITE_FULL ? .full(path) : StoreError(path, reason)
    }
  }

  /// Runs a statement without rows and makes it ready for the next use.
  func run() throws(StoreError) {
    while try step() {}
    sqlite3_reset(handle)
  }

  func text(_ column: CInt) -> String {
    sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
  }
  func number(_ column: CInt) -> UInt64 { UInt64(bitPattern: sqlite3_column_int64(handle, column)) }
  func bytes(_ column: CInt) -> [UInt8] {
    guard let start = sqlite3_column_blob(handle, column) else { return [] }
    return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }
}
