/// `$(NAME)` in commands, arguments and values, as Kubernetes expands it.
enum VariableExpansion {
  /// Replaces `$(NAME)` by the variable's value; names that are not defined stay as written, and `$$` stands for one `$`,
  /// so that `$$(NAME)` is never expanded.
  static func expand(_ text: String, _ variable: (String) -> String?) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
      } else if rest.first == "(", let end = rest.firstIndex(of: ")") {
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        result += variable(name) ?? "$(\(name))"
        rest = rest[rest.index(after: end)...]
      } else {
        result += "$"
      }
    }
    return result + rest
  }
}
