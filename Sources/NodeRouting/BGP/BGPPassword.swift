/// The password of a session (TCP MD5, RFC 2385). It shows itself nowhere but where BIRD's configuration is written.
package struct BGPPassword: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  package let text: String

  /// The kernel takes 80 bytes (TCP_MD5SIG_MAXKEYLEN).
  package static let maximumLength = 80

  /// The content of a password's file, without the newline at its end. Nil for what BIRD cannot be told: an empty
  /// password, one of more than 80 bytes, quotation marks and anything but printable ASCII.
  package init?(_ content: String) {
    var text = content[...]
    while let last = text.last, last.isNewline { text.removeLast() }
    let isPrintable = text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }
    guard isPrintable, (1...Self.maximumLength).contains(text.utf8.count) else { return nil }
    self.text = String(text)
  }

  package var description: String { "(password)" }
  package var debugDescription: String { description }
}
