/// One copy of texts that many objects repeat, such as the node of every endpoint: each object comes with a copy of its own.
struct SharedText {
  /// Texts that fit into a String itself cost nothing to repeat.
  private static let inlineBytes = 15
  /// Names come and go for as long as an agent lives; where there were this many, it begins anew. Texts in use stay.
  private static let limit = 1 << 14

  private var known: Set<String> = []

  /// An equal text, with its memory shared.
  mutating func shared(_ text: String) -> String {
    if text.utf8.count <= Self.inlineBytes { return text }
    if known.count >= Self.limit { known = [] }
    return known.insert(text).memberAfterInsert
  }

  mutating func share(_ text: inout String?) {
    if let own = text { text = shared(own) }
  }
}
