/// A store that cannot be used: the file, and what is wrong with it.
package struct StoreError: Error, Hashable, CustomStringConvertible {
  package let path: String
  package let reason: String

  package init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  package var description: String { "database \(path) \(reason)" }

  /// What to do about a file that is damaged.
  static let remedy =
    "put a backup in its place (swiftlet server restore FILE keeps the damaged one beside it), or move it away to start "
    + "anew"

  static func damaged(_ path: String, _ finding: String) -> StoreError {
    StoreError(path, "is damaged (\(finding)); \(remedy)")
  }

  static func inUse(_ path: String) -> StoreError {
    StoreError(path, "is in use by another process; stop it first, or name another file")
  }

  static func full(_ path: String) -> StoreError {
    StoreError(
      path,
      "cannot be written: no space is left on its disk, which is full; make room there, and writes are accepted again "
        + "without a restart. What was acknowledged is kept")
  }

  /// The folder a file lies in.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
