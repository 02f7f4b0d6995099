/// Text that is no address, prefix or range: what was read, where it went wrong, and what was expected there.
public struct AddressError: Error, Hashable, CustomStringConvertible {
  /// The whole text that was read.
  public let text: String
  /// Offset in bytes of the first byte that is wrong; the length of the text if it ends too early.
  public let offset: Int
  /// What was found there and what was expected.
  public let reason: String

  public init(_ text: String, at offset: Int, _ reason: String) {
    self.text = text
    self.offset = offset
    self.reason = reason
  }

  public var description: String { "\"\(text)\", character \(offset + 1): \(reason)" }
}
