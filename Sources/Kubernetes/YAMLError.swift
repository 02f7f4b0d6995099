/// Where and why a text is no YAML that stands for JSON.
package struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Name of the file, or `standard input`.
  package let file: String
  /// Both counted from 1.
  package let line: Int
  package let column: Int
  package let reason: String

  package var description: String { "\(file), line \(line), column \(column): \(reason)" }
}
