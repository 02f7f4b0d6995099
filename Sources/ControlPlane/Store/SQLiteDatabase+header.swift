internal import Glibc

extension SQLiteDatabase {
  /// The layout of a file of ours. Reads the 100 bytes of the header (https://www.sqlite.org/fileformat.html section 1.3)
  /// without SQLite, which would already replay another program's journal.
  static func checkHeader(_ path: String) throws(StoreError) -> UInt32 {
    guard let file = fopen(path, "re") else {
      throw StoreError(path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var header = [UInt8](repeating: 0, count: 100)
    let count = fread(&header, 1, 100, file)
    guard count > 0 else { throw StoreError(path, "is empty, so it was truncated; \(StoreError.remedy)") }
    guard count == 100, header.starts(with: Array("SQLite format 3\0".utf8)) else {
      throw StoreError(path, "is no SQLite database; name another file, this one is left as it is")
    }
    func number(_ offset: Int) -> UInt32 { header[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
    guard number(68) == StoreLayout.applicationID else {
      throw StoreError(path, "is another program's SQLite database; name another file, this one is left as it is")
    }
    let layout = number(60)
    guard layout <= StoreLayout.version else {
      throw StoreError(
        path,
        "has layout \(layout), written by a later version of swiftlet; this one knows layouts up to "
          + "\(StoreLayout.version): use that version, or a backup made before the upgrade")
    }
    guard layout > 0 else { throw StoreError.damaged(path, "its header tells layout 0, expected at least 1") }
    return layout
  }
}
