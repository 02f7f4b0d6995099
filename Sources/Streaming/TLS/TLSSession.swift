internal import COpenSSL
internal import Glibc

/// One TLS session over a socket that is somebody else's and is not waited for. Used by one thread at a time.
package final class TLSSession: @unchecked Sendable {
  // @unchecked: one thread at a time, by contract.
  private let ssl: OpaquePointer
  /// The context outlives its sessions.
  private let context: TLSContext
  /// The session waits until the socket takes more, whatever it was asked to do.
  package private(set) var wantsOutput = false

  /// Whom a client wants to speak to.
  package enum Peer: Hashable, Sendable {
    /// Its certificate must be for this name, which is also asked for (RFC 6066 section 3).
    case name(String)
    /// Its certificate must be for this address.
    case address(String)
  }

  /// - Parameters:
  ///   - descriptor: connected (or connecting), non-blocking, and open for as long as the session is.
  ///   - peer: of a server: what its certificate must be for; nil for whatever the context accepts.
  package init(_ context: TLSContext, _ descriptor: CInt, peer: Peer? = nil) throws(TLSError) {
    guard let ssl = SSL_new(context.context) else { throw TLSError("OpenSSL has no memory") }
    self.ssl = ssl
    self.context = context
    SSL_set_fd(ssl, descriptor)
    if context.isServer { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
    let isSet =
      switch peer {
      case nil: true
      case .name(let name): swiftlet_ssl_server_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1
      case .address(let address): swiftlet_ssl_expect_address(ssl, address) == 1
      }
    if !isSet { throw TLSError("a certificate cannot be for \(peer.map { "\($0)" } ?? "nobody")") }
  }

  deinit { SSL_free(ssl) }

  /// Bytes are decrypted already: a poll would not show them.
  package var hasPending: Bool { SSL_pending(ssl) > 0 }

  /// What both sides speak above TLS (ALPN, RFC 7301), once they have shaken hands; nil if the client did not ask.
  package var applicationProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    guard let name, count > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  /// The common name of the peer's certificate.
  package var peerName: String? {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
    defer { X509_free(certificate) }
    var name = [CChar](repeating: 0, count: 256)
    let count = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, CInt(name.count))
    return count < 0 ? nil : String(decoding: name.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Reads as `recv` does: the count; 0 at the end; -1 with `errno`, EAGAIN for later.
  package func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    ERR_clear_error()
    return result(SSL_read(ssl, buffer.baseAddress, CInt(clamping: buffer.count)))
  }

  /// Writes as `send` does: the count, or -1 with `errno`, EAGAIN for later.
  package func write(_ buffer: UnsafeRawBufferPointer) -> Int {
    ERR_clear_error()
    return result(SSL_write(ssl, buffer.baseAddress, CInt(clamping: buffer.count)))
  }

  /// Shakes hands as far as the socket allows: 1 when it is done, otherwise as `read`.
  package func handshake() -> Int {
    ERR_clear_error()
    return result(SSL_do_handshake(ssl))
  }

  /// Says goodbye; nobody waits for the answer.
  package func close() {
    ERR_clear_error()
    SSL_shutdown(ssl)
  }

  private func result(_ count: CInt) -> Int {
    let code = errno
    wantsOutput = false
    if count > 0 { return Int(count) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_READ: errno = EAGAIN
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN
      wantsOutput = true
    case SSL_ERROR_ZERO_RETURN: return 0
    case SSL_ERROR_SYSCALL where code != 0 && code != EAGAIN && code != EINTR: errno = code
    default: errno = EPROTO
    }
    return -1
  }

  /// Why the last call failed; to be asked before any other session is used by the same thread.
  package func failure(_ what: String) -> TLSError {
    let code = errno
    let verification = SSL_get_verify_result(ssl)
    if verification != Int(X509_V_OK) {
      return TLSError(
        "\(what): the peer's certificate: \(String(cString: X509_verify_cert_error_string(verification)))")
    }
    return TLSError.latest(what) ?? TLSError("\(what): \(String(cString: strerror(code)))")
  }
}
