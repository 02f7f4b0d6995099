/// What a client shall be told besides the answer, as `Warning` headers (RFC 7234 section 5.5, code 299); kubectl prints
/// them.
final class WarningList {
  private var texts: [String] = []

  func add(_ text: String) { if !texts.contains(text) { texts.append(text) } }

  /// The header's value; nil without warnings. Several are one list.
  var header: String? {
    guard !texts.isEmpty else { return nil }
    return texts.map { text in
      let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ")
      return "299 - \"\(quoted)\""
    }.joined(separator: ", ")
  }
}
