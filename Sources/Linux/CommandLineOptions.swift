/// A command line that was not understood: what was found and what was expected.
package struct UsageError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

/// The options of a command, read the usual way: `--name value`, `--name=value`, `--flag`, `--` ends them, and what is left
/// are operands.
package struct CommandLineOptions {
  /// One option a command knows.
  package struct Option: Sendable {
    package let name: String
    /// What its value is called in the help text; nil for a flag without a value.
    package let value: String?
    package let help: String
    /// One letter for `-f` forms; nil for none.
    package let letter: Character?

    package init(_ name: String, _ value: String? = nil, letter: Character? = nil, _ help: String) {
      self.name = name
      self.value = value
      self.help = help
      self.letter = letter
    }
  }

  private var values: [String: [String]] = [:]
  /// What is neither an option nor an option's value, in order.
  package private(set) var operands: [String] = []
  /// What stood after `--`; nil if there was none.
  package private(set) var rest: [String]?

  package init(_ arguments: some Sequence<String>, known: [Option]) throws(UsageError) {
    var remaining = Array(arguments)[...]
    while let argument = remaining.popFirst() {
      if argument == "--" {
        rest = Array(remaining)
        return
      }
      guard argument.count > 1, argument.hasPrefix("-") else {
        operands.append(argument)
        continue
      }
      let (name, inline) = Self.split(argument)
      let option = known.first {
        name == "--\($0.name)" || ($0.letter.map { name == "-\($0)" } ?? false)
      }
      guard let option else {
        throw UsageError("unknown option \(name); known are \(known.map { "--\($0.name)" }.joined(separator: ", "))")
      }
      guard let placeholder = option.value else {
        if inline != nil { throw UsageError("option \(name) takes no value") }
        values[option.name, default: []].append("")
        continue
      }
      guard let value = inline ?? remaining.popFirst() else {
        throw UsageError("option \(name) needs a value: \(name) \(placeholder)")
      }
      values[option.name, default: []].append(value)
    }
  }

  private static func split(_ argument: String) -> (name: String, value: String?) {
    guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
    return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
  }

  /// The last value given for an option.
  package subscript(name: String) -> String? { values[name]?.last }
  /// All values given for an option, in order.
  package func all(_ name: String) -> [String] { values[name] ?? [] }
  package func has(_ name: String) -> Bool { values[name] != nil }

  /// The value of an option that must be given.
  package func required(_ name: String) throws(UsageError) -> String {
    guard let value = self[name] else { throw UsageError("option --\(name) is missing") }
    return value
  }

  /// The value of an option, read by `parse`; its error is told with the option's name.
  package func parsed<Value>(_ name: String, _ parse: (String) throws -> Value) throws(UsageError) -> Value? {
    guard let text = self[name] else { return nil }
    do { return try parse(text) } catch { throw UsageError("option --\(name): \(error)") }
  }

  /// An integer option within bounds.
  package func integer(_ name: String, in bounds: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = self[name] else { return nil }
    guard let value = Int(text), bounds.contains(value) else {
      throw UsageError(
        "option --\(name): found \"\(text)\", expected a number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return value
  }

  /// One line an option, aligned, for usage texts.
  package static func help(_ options: [Option]) -> String {
    let lines = options.map { option in
      let letter = option.letter.map { "-\($0), " } ?? ""
      return (letter + "--\(option.name)" + (option.value.map { " \($0)" } ?? ""), option.help)
    }
    let width = lines.map(\.0.count).max() ?? 0
    return lines.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count))  \($0.1)" }
      .joined(separator: "\n")
  }
}
