package import JSON

/// JSON as YAML for people: block style, members in their order, the same text for the same value. What is read back by
/// `YAML.parse` is the same value.
package enum YAMLWriter {
  /// Documents with `---` between them.
  package static func text(_ documents: [JSON]) -> String {
    documents.map { text($0) }.joined(separator: "---\n")
  }

  package static func text(_ value: JSON) -> String {
    var output = ""
    switch value {
    case .object(let object) where !object.isEmpty: members(object, 0, &output)
    case .array(let values) where !values.isEmpty: elements(values, 0, &output)
    default: output = scalar(value, 0) + "\n"
    }
    return output
  }

  private static func indentation(_ level: Int) -> String { String(repeating: "  ", count: level) }

  private static func members(_ object: JSON.Object, _ level: Int, _ output: inout String) {
    for (index, member) in object.members.enumerated() {
      // The first member of a list's element stands behind the dash.
      if index > 0 || !output.hasSuffix("- ") { output += indentation(level) }
      output += scalar(.string(member.key), nil) + ":"
      switch member.value {
      case .object(let inner) where !inner.isEmpty:
        output += "\n"
        members(inner, level + 1, &output)
      case .array(let values) where !values.isEmpty:
        output += "\n"
        elements(values, level, &output)
      default: output += " " + scalar(member.value, level + 1) + "\n"
      }
    }
  }

  private static func elements(_ values: [JSON], _ level: Int, _ output: inout String) {
    for value in values {
      output += indentation(level) + "- "
      switch value {
      case .object(let inner) where !inner.isEmpty: members(inner, level + 1, &output)
      // A list in a list has no place behind the dash in this style; JSON is YAML too.
      default: output += scalar(value, level + 1) + "\n"
      }
    }
  }

  /// `level` nil: on one line.
  private static func scalar(_ value: JSON, _ level: Int?) -> String {
    guard case .string(let text) = value else { return value.description }
    if isPlain(text) { return text }
    // Lines of a text stand as they are, where that loses nothing.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let isSimple = text.unicodeScalars.allSatisfy { $0 == "\n" || (0x20...0x7E).contains($0.value) }
    guard let level, isSimple, lines.count > 2, lines.last == "", lines[lines.count - 2] != "",
      lines.first?.hasPrefix(" ") == false, lines.first != "", lines.allSatisfy({ !$0.hasSuffix(" ") })
    else { return quoted(text) }
    let body = lines.dropLast().map { $0.isEmpty ? "" : indentation(level) + $0 }
    return "|\n" + body.joined(separator: "\n")
  }

  /// As JSON, but for the characters that YAML takes for line ends or refuses.
  private static func quoted(_ text: String) -> String {
    var output = ""
    for scalar in JSON.string(text).description.unicodeScalars {
      switch scalar.value {
      case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
        let digits = String(scalar.value, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  /// Whether a text may stand without quotes and is read as this text.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last else { return false }
    let opening = Array("/_.".utf8)
    guard isWord(first) || opening.contains(first), last != UInt8(ascii: ":"), last != UInt8(ascii: " ") else {
      return false
    }
    let inner = Array("/_.-=+,:()@$ ".utf8)
    guard text.utf8.allSatisfy({ isWord($0) || inner.contains($0) }), !text.contains(": "), !text.contains("---") else {
      return false
    }
    return YAMLScalar.resolve(text, tag: nil, isPlain: true) == .string(text)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
