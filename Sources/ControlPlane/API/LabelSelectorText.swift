package import JSON

/// A label selector as it stands in a query: `app=web,tier in (a,b),!old`.
package struct LabelSelectorText: Sendable {
  private enum Operator: Sendable { case `in`, notIn, exists, absent, greater, less }
  private struct Requirement: Sendable {
    let key: String
    let operation: Operator
    var values: Set<String> = []
  }

  private var requirements: [Requirement] = []

  package var isEmpty: Bool { requirements.isEmpty }

  package init(parsing text: String) throws(StatusError) {
    var scanner = Scanner(text: Array(text.utf8))
    scanner.skipSpace()
    while !scanner.isAtEnd {
      requirements.append(try Self.requirement(&scanner))
      scanner.skipSpace()
      if scanner.isAtEnd { break }
      guard scanner.take(",") else { throw scanner.error("expected ',' or the end") }
      scanner.skipSpace()
      if scanner.isAtEnd { throw scanner.error("expected another requirement after ','") }
    }
  }

  private static func requirement(_ scanner: inout Scanner) throws(StatusError) -> Requirement {
    if scanner.take("!") {
      scanner.skipSpace()
      return Requirement(key: try scanner.key(), operation: .absent)
    }
    let key = try scanner.key()
    scanner.skipSpace()
    if scanner.take("==") || scanner.take("=") {
      return Requirement(key: key, operation: .in, values: [scanner.value()])
    }
    if scanner.take("!=") { return Requirement(key: key, operation: .notIn, values: [scanner.value()]) }
    for (sign, operation) in [(">", Operator.greater), ("<", .less)] where scanner.take(sign) {
      let value = scanner.value()
      guard Int64(value) != nil else { throw scanner.error("expected a number after '\(sign)'") }
      return Requirement(key: key, operation: operation, values: [value])
    }
    for (word, operation) in [("notin", Operator.notIn), ("in", .in)] where scanner.takeWord(word) {
      scanner.skipSpace()
      guard scanner.take("(") else { throw scanner.error("expected '(' after '\(word)'") }
      var values: Set<String> = []
      repeat { values.insert(scanner.value()) } while scanner.take(",")
      guard scanner.take(")") else { throw scanner.error("expected ',' or ')'") }
      return Requirement(key: key, operation: operation, values: values)
    }
    return Requirement(key: key, operation: .exists)
  }

  /// True if labels meet every requirement; `metadata.labels` of an object.
  package func matches(_ labels: JSON) -> Bool {
    requirements.allSatisfy { requirement in
      let value = labels[requirement.key].string
      switch requirement.operation {
      case .in: return value.map(requirement.values.contains) ?? false
      case .notIn: return !(value.map(requirement.values.contains) ?? false)
      case .exists: return value != nil
      case .absent: return value == nil
      case .greater, .less:
        guard let number = value.flatMap({ Int64($0) }), let limit = requirement.values.first.flatMap({ Int64($0) })
        else { return false }
        return requirement.operation == .greater ? number > limit : number < limit
      }
    }
  }

  /// A `LabelSelector` object (or, with `isMap`, a plain map of labels) as text: the form in Scale objects and tables.
  package static func text(of selector: JSON, isMap: Bool = false) -> String {
    var parts: [String] = []
    for (key, value) in (isMap ? selector : selector["matchLabels"]).stringMap.sorted(by: { $0.key < $1.key }) {
      parts.append("\(key)=\(value)")
    }
    if !isMap {
      for expression in selector["matchExpressions"].elements {
        let key = expression["key"].string ?? ""
        let values = expression["values"].elements.compactMap(\.string).sorted().joined(separator: ",")
        switch expression["operator"].string {
        case "In": parts.append("\(key) in (\(values))")
        case "NotIn": parts.append("\(key) notin (\(values))")
        case "DoesNotExist": parts.append("!\(key)")
        default: parts.append(key)
        }
      }
    }
    return parts.joined(separator: ",")
  }

  private struct Scanner {
    let text: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == text.count }

    mutating func skipSpace() { while position < text.count, text[position] == 0x20 { position += 1 } }

    mutating func take(_ sign: String) -> Bool {
      guard text[position...].starts(with: sign.utf8) else { return false }
      position += sign.utf8.count
      return true
    }

    /// A word that ends before a space or '('.
    mutating func takeWord(_ word: String) -> Bool {
      let end = position + word.utf8.count
      guard text[position...].starts(with: word.utf8), end < text.count, text[end] == 0x20 || text[end] == 0x28 else {
        return false
      }
      position = end
      return true
    }

    private mutating func token() -> String {
      let start = position
      while position < text.count {
        switch text[position] {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
          UInt8(ascii: "/"):
          position += 1
          continue
        default: break
        }
        break
      }
      return String(decoding: text[start..<position], as: UTF8.self)
    }

    mutating func key() throws(StatusError) -> String {
      let token = token()
      guard !token.isEmpty else { throw error("expected a label key") }
      return token
    }

    mutating func value() -> String {
      skipSpace()
      defer { skipSpace() }
      return token()
    }

    func error(_ reason: String) -> StatusError {
      .badRequest(
        "unable to parse label selector \"\(String(decoding: text, as: UTF8.self))\", character \(position + 1): \(reason)"
      )
    }
  }
}
