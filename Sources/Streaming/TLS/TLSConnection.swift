internal import COpenSSL
internal import Glibc
package import Linux

/// A TLS connection over a socket, used by one thread at a time. Reading and writing never wait; whoever uses it polls
/// `descriptor`.
package final class TLSConnection: @unchecked Sendable {
  // @unchecked: one thread at a time, by contract.
  private let ssl: OpaquePointer
  private let socket: Linux.FileDescriptor
  private let context: TLSContext

  package enum Input: Hashable, Sendable {
    case bytes([UInt8])
    /// Nothing now.
    case nothing
    /// The peer has said that it sends no more.
    case end
  }

  /// - Parameters:
  ///   - socket: connected; it becomes non-blocking.
  ///   - expectedAddress: of a server: the address its certificate must be for.
  package init(_ context: TLSContext, _ socket: consuming Linux.FileDescriptor, expectedAddress: String? = nil)
    throws(TLSError)
  {
    guard let ssl = SSL_new(context.context) else { throw TLSError("OpenSSL has no memory") }
    self.ssl = ssl
    self.context = context
    let raw = socket.raw
    self.socket = socket
    _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
    SSL_set_fd(ssl, raw)
    if context.isServer { SSL_set_accept_state(ssl) } else { SSL_set_connect_state(ssl) }
    if let expectedAddress, swiftlet_ssl_expect_address(ssl, expectedAddress) != 1 {
      throw TLSError("\(expectedAddress) is no address")
    }
  }

  deinit { SSL_free(ssl) }

  package var descriptor: CInt { socket.raw }

  /// Bytes are decrypted already: a poll would not show them.
  package var hasPending: Bool { SSL_pending(ssl) > 0 }

  /// Shakes hands, waiting until a moment of `Time.monotonicSeconds`.
  package func handshake(until deadline: Double) throws(TLSError) {
    while true {
      ERR_clear_error()
      let result = SSL_do_handshake(ssl)
      if result == 1 { return }
      switch SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ: try wait(POLLIN, deadline)
      case SSL_ERROR_WANT_WRITE: try wait(POLLOUT, deadline)
      default: throw failure("TLS handshake")
      }
    }
  }

  /// The common name of the peer's certificate.
  package var peerName: String? {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
    defer { X509_free(certificate) }
    var name = [CChar](repeating: 0, count: 256)
    let count = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, CInt(name.count))
    return count < 0 ? nil : String(decoding: name.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  package func read(_ count: Int = 32 * 1024) throws(TLSError) -> Input {
    ERR_clear_error()
    var result: CInt = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      result = SSL_read(ssl, buffer.baseAddress, CInt(buffer.count))
      initialized = max(0, Int(result))
    }
    if result > 0 { return .bytes(bytes) }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .nothing
    case SSL_ERROR_ZERO_RETURN: return .end
    default: throw failure("read")
    }
  }

  /// How many of the bytes were taken; 0: none now.
  package func write(_ bytes: ArraySlice<UInt8>) throws(TLSError) -> Int {
    guard !bytes.isEmpty else { return 0 }
    ERR_clear_error()
    let result = bytes.withUnsafeBytes { SSL_write(ssl, $0.baseAddress, CInt(min($0.count, 1 << 20))) }
    if result > 0 { return Int(result) }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return 0
    default: throw failure("write")
    }
  }

  /// Writes all, waiting until a moment of `Time.monotonicSeconds`.
  package func writeAll(_ bytes: [UInt8], until deadline: Double) throws(TLSError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = try write(rest)
      rest = rest.dropFirst(count)
      if count == 0 { try wait(POLLOUT, deadline) }
    }
  }

  /// Reads once, waiting until a moment of `Time.monotonicSeconds`.
  package func read(until deadline: Double) throws(TLSError) -> Input {
    while true {
      let input = try read()
      guard input == .nothing else { return input }
      try wait(POLLIN, deadline)
    }
  }

  /// Tells the peer that nothing more will be sent.
  package func closeWrite() {
    ERR_clear_error()
    SSL_shutdown(ssl)
    shutdown(socket.raw, CInt(SHUT_WR))
  }

  private func wait(_ events: CInt, _ deadline: Double) throws(TLSError) {
    while true {
      let left = deadline - Time.monotonicSeconds
      guard left > 0 else { throw TLSError("the peer did not answer in time") }
      var entry = pollfd(fd: socket.raw, events: Int16(events), revents: 0)
      let count = poll(&entry, 1, CInt(min(left * 1000 + 1, 1e9)))
      if count > 0 { return }
      if count < 0, errno != EINTR { throw TLSError("poll: \(String(cString: strerror(errno)))") }
    }
  }

  private func failure(_ what: String) -> TLSError {
    let code = errno
    let verification = SSL_get_verify_result(ssl)
    if verification != Int(X509_V_OK) {
      return TLSError(
        "\(what): the peer's certificate: \(String(cString: X509_verify_cert_error_string(verification)))")
    }
    let error = ERR_get_error()
    if error != 0 {
      return TLSError("\(what): \(ERR_reason_error_string(error).map { String(cString: $0) } ?? "error \(error)")")
    }
    return TLSError("\(what): \(code == 0 ? "the peer closed the connection" : String(cString: strerror(code)))")
  }
}
