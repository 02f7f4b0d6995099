/// A name that is looked up instead of the one asked for. The client sees its own name: in the question and as the owner of
/// the answers.
package struct RewriteRule: Sendable {
  /// Text is in lower case and ends with the root's dot.
  package enum Match: Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    case substring(String)
    case pattern(Pattern)
  }

  package var match: Match
  /// What takes the place of what matched; `{1}` are groups of a pattern, whose whole name it replaces.
  package var replacement: String
  /// Later rules see the new name.
  package var continues = false

  package init(_ match: Match, _ replacement: String) {
    self.match = match
    self.replacement = replacement.lowercased()
  }

  /// The name after the rules; nil where none matches or what it makes is no name.
  static func apply(_ rules: [RewriteRule], to name: NameView, _ type: RecordType) -> DomainName? {
    guard let text = name.text else { return nil }
    var current = text
    for rule in rules {
      guard let changed = rule.apply(to: current) else { continue }
      current = changed
      if !rule.continues { break }
    }
    return current == text ? nil : try? DomainName(parsing: current)
  }

  private func apply(to text: String) -> String? {
    switch match {
    case .exact(let whole): return text == whole ? replacement : nil
    case .prefix(let start): return text.hasPrefix(start) ? replacement + text.dropFirst(start.count) : nil
    case .suffix(let end): return text.hasSuffix(end) ? text.dropLast(end.count) + replacement : nil
    case .substring(let part):
      guard let range = text.firstRange(of: part) else { return nil }
      return text.replacingCharacters(range, replacement)
    case .pattern(let pattern):
      guard let match = pattern.match(text) else { return nil }
      var result = replacement
      for (number, group) in match.groups.enumerated() {
        while let range = result.firstRange(of: "{\(number)}") { result = result.replacingCharacters(range, group) }
      }
      return result
    }
  }
}

extension String {
  fileprivate func replacingCharacters(_ range: Range<String.Index>, _ other: String) -> String {
    self[..<range.lowerBound] + other + self[range.upperBound...]
  }
}

extension NameView {
  /// The name with dots, the root's too; nil for one with bytes that text cannot hold plainly.
  var text: String? {
    var text = ""
    text.reserveCapacity(length)
    for index in 0..<labelCount {
      for byte in label(index) {
        guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: ".") else { return nil }
        text.unicodeScalars.append(Unicode.Scalar(byte))
      }
      text += "."
    }
    return labelCount == 0 ? "." : text
  }
}
