internal import COpenSSL

/// The opening of a WebSocket (RFC 6455 section 4.2).
package enum WebSocketHandshake {
  /// What a server answers in `Sec-WebSocket-Accept`; nil if the key is not one of 16 bytes in base64.
  package static func accept(key: String) -> String? {
    guard key.utf8.count == 24, key.hasSuffix("=="), key.utf8.dropLast(2).allSatisfy(isDigit) else { return nil }
    let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
    var digest = [UInt8](repeating: 0, count: 20)
    _ = SHA1(text, text.count, &digest)
    var encoded = [UInt8](repeating: 0, count: 29)
    EVP_EncodeBlock(&encoded, digest, CInt(digest.count))
    return String(decoding: encoded.prefix(28), as: UTF8.self)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2F: true
    default: false
    }
  }
}
