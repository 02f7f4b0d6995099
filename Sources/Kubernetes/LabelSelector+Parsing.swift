/// Text that is no label selector: where it went wrong and what was expected there.
package struct LabelSelectorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The whole text that was read.
  package let text: String
  /// Offset in bytes of the first byte that is wrong; the length of the text where it ends too early.
  package let offset: Int
  package let reason: String

  package var description: String { "label selector \"\(text)\", character \(offset + 1): \(reason)" }
}

extension LabelSelector {
  /// The `labelSelector` query parameter: requirements separated by commas, each one of `key`, `!key`, `key=value`,
  /// `key==value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key>1` and `key<1`. Empty text selects everything.
  package init(parsing text: String) throws(LabelSelectorError) {
    var parser = SelectorParser(text)
    self.init(try parser.requirements())
  }
}

private struct SelectorParser {
  let text: String
  let bytes: [UInt8]
  var position = 0

  init(_ text: String) {
    self.text = text
    bytes = Array(text.utf8)
  }

  func error(_ reason: String, at offset: Int? = nil) -> LabelSelectorError {
    LabelSelectorError(text: text, offset: offset ?? position, reason: reason)
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  var found: String {
    guard let next else { return "found the end" }
    return (0x21..<0x7F).contains(next) ? "found '\(Character(UnicodeScalar(next)))'" : "found byte \(next)"
  }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
  }

  mutating func take(_ expected: StaticString) -> Bool {
    let wanted = expected.withUTF8Buffer { Array($0) }
    guard bytes[position...].starts(with: wanted) else { return false }
    position += wanted.count
    return true
  }

  mutating func requirements() throws(LabelSelectorError) -> Set<LabelSelector.Requirement> {
    var result: Set<LabelSelector.Requirement> = []
    skipSpace()
    guard next != nil else { return result }
    while true {
      result.insert(try requirement())
      skipSpace()
      guard next != nil else { return result }
      guard take(",") else { throw error("\(found), expected ',' or the end") }
      skipSpace()
    }
  }

  mutating func requirement() throws(LabelSelectorError) -> LabelSelector.Requirement {
    if take("!") {
      skipSpace()
      return .doesNotExist(key: try key())
    }
    let key = try key()
    skipSpace()
    if take("!=") { return .notIn(key: key, values: [try value()]) }
    if take("==") || take("=") { return .in(key: key, values: [try value()]) }
    if take(">") { return .greater(key: key, than: try number()) }
    if take("<") { return .less(key: key, than: try number()) }
    guard let byte = next, byte != UInt8(ascii: ",") else { return .exists(key: key) }
    let start = position
    switch word() {
    case "in": return .in(key: key, values: try values())
    case "notin": return .notIn(key: key, values: try values())
    default:
      position = start
      throw error("\(found), expected '=', '==', '!=', '>', '<', 'in', 'notin', ',' or the end")
    }
  }

  mutating func values() throws(LabelSelectorError) -> Set<String> {
    skipSpace()
    guard take("(") else { throw error("\(found), expected '('") }
    var result: Set<String> = []
    while true {
      result.insert(try value())
      skipSpace()
      if take(")") { return result }
      guard take(",") else { throw error("\(found), expected ',' or ')'") }
    }
  }

  mutating func number() throws(LabelSelectorError) -> Int64 {
    skipSpace()
    let start = position
    guard let number = Int64(word()) else {
      position = start
      throw error("\(found), expected a whole number")
    }
    return number
  }

  mutating func word() -> String {
    let start = position
    while let byte = next, Self.isName(byte) || byte == UInt8(ascii: "/") { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// A qualified name: an optional DNS prefix and '/', then up to 63 characters that begin and end alphanumeric.
  mutating func key() throws(LabelSelectorError) -> String {
    let start = position
    let text = word()
    guard !text.isEmpty else { throw error("\(found), expected a label's name") }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = parts.last, (1...63).contains(name.utf8.count), Self.isBounded(name),
      parts.count == 1 || (1...253).contains(parts[0].utf8.count) && Self.isBounded(parts[0])
    else {
      throw error(
        "\"\(text)\" is no label name: expected [prefix/]name of letters, digits, '-', '_' and '.', "
          + "with a letter or digit at both ends, the name at most 63 characters", at: start)
    }
    return text
  }

  /// A label's value; empty is one.
  mutating func value() throws(LabelSelectorError) -> String {
    skipSpace()
    let start = position
    let text = word()
    guard text.utf8.count <= 63, text.isEmpty || Self.isBounded(text[...]), !text.contains("/") else {
      throw error(
        "\"\(text)\" is no label value: expected at most 63 letters, digits, '-', '_' and '.', "
          + "with a letter or digit at both ends", at: start)
    }
    return text
  }

  static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
  static func isName(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
  }
  static func isBounded(_ text: Substring) -> Bool {
    text.utf8.first.map(isAlphanumeric) == true && text.utf8.last.map(isAlphanumeric) == true
  }
}
