/// What a peer did against RFC 6455; the connection is to be closed with the code.
package struct WebSocketError: Error, Hashable, CustomStringConvertible {
  /// Section 7.4.1: 1002, a protocol error.
  package let code: UInt16
  package let description: String

  init(_ description: String, code: UInt16 = 1002) {
    self.description = description
    self.code = code
  }
}
