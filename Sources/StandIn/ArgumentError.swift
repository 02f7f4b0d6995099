/// A command line that cannot be understood: what was found, what was expected.
package struct ArgumentError: Error, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}

/// The options of a command line, taken one after another: `--name VALUE`, `--flag`, and everything after `--`.
struct ArgumentReader {
  private var rest: ArraySlice<String>

  init(_ arguments: [String]) { rest = arguments[...] }

  /// The next option's name with its dashes; nil at the end.
  mutating func next() throws(ArgumentError) -> String? {
    guard let option = rest.popFirst() else { return nil }
    guard option.hasPrefix("--") else {
      throw ArgumentError("found \"\(option)\", expected an option that begins with --")
    }
    return option
  }

  /// The value of the option just taken.
  mutating func value(of option: String) throws(ArgumentError) -> String {
    guard let value = rest.popFirst() else { throw ArgumentError("\(option): found nothing, expected a value") }
    return value
  }

  /// Everything that is left.
  mutating func remaining() -> [String] {
    defer { rest = [] }
    return Array(rest)
  }
}
