/// Text that is no address, prefix or range: what was read, where it went wrong, and what was expected there.
package struct AddressError: Error, Hashable, CustomStringConvertible {
  /// The whole text that was read.
  package let text: String
  /// Offset in bytes of the first byte that is wrong; the length of the text if it ends too early.
  package let offset: Int
  /// What was found there and what was expected.
  package let reason: String

  /// `offset` counts bytes; `reason` says what was found and what was expected.
  package init(_ text: String, at offset: Int, _ reason: String) {
    self.text = text
    self.offset = offset
    self.reason = reason
  }

  package var description: String { "\"\(text)\", character \(offset + 1): \(reason)" }
}
