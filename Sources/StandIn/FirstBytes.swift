/// What the first bytes of a connection say about its protocol.
enum FirstBytes: Equatable {
  case http1
  /// The client preface of HTTP/2 (RFC 9113 section 3.4): gRPC, and whoever speaks h2c with prior knowledge.
  case http2
  case other
  /// More bytes are needed to tell.
  case undecided

  static let http2Preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"].map {
    Array("\($0) ".utf8)
  }

  init(_ bytes: some Collection<UInt8>) {
    if bytes.isEmpty {
      self = .undecided
    } else if bytes.starts(with: Self.http2Preface) {
      self = .http2
    } else if Self.http2Preface.starts(with: bytes) {
      self = .undecided
    } else if Self.methods.contains(where: { bytes.starts(with: $0) }) {
      // A method alone may be anybody's text: the first line decides.
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        self = HTTPRequestHead(bytes[..<end]) == nil ? .other : .http1
      } else {
        self = bytes.count < Conversation.maximumHead ? .undecided : .other
      }
    } else {
      self = Self.methods.contains { $0.starts(with: bytes) } ? .undecided : .other
    }
  }
}
