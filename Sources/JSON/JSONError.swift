/// Where and why bytes are no JSON.
package struct JSONError: Error, Equatable, CustomStringConvertible {
  /// What was found and what was expected there.
  package let reason: String
  /// Byte offset from the beginning, and the same place as line and column, both counted from 1.
  package let offset: Int
  package let line: Int
  package let column: Int

  package var description: String { "line \(line), column \(column): \(reason)" }
}
