/// A store that cannot be used: the file, and what is wrong with it.
package struct StoreError: Error, Hashable, CustomStringConvertible {
  package let path: String
  package let reason: String

  package init(_ path: String, _ reason: String) {
    self.path = path
    self.reason = reason
  }

  package var description: String { "database \(path) \(reason)" }
}
