internal import COpenSSL
internal import Glibc

/// Why TLS cannot be spoken as configured.
package struct TLSError: Error, CustomStringConvertible {
  package let description: String

  init(_ what: String) {
    var text = [CChar](repeating: 0, count: 256)
    ERR_error_string_n(ERR_get_error(), &text, text.count)
    description = "\(what): \(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))"
  }
}

/// Certificates and rules for TLS 1.2 and 1.3, for clients or for servers. @unchecked: OpenSSL's contexts may be used by
/// several threads once they are set up.
final class TLSContext: @unchecked Sendable {
  private let context: OpaquePointer
  let isServer: Bool

  /// For asking upstreams. `authorities` is a PEM file; nil for the system's.
  init(authorities: String?) throws {
    guard let context = SSL_CTX_new(TLS_client_method()) else { throw TLSError("TLS") }
    self.context = context
    isServer = false
    swiftlet_tls_12_or_later(context)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    if let authorities {
      guard SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
        throw TLSError("TLS authorities in \(authorities)")
      }
    } else {
      SSL_CTX_set_default_verify_paths(context)
    }
  }

  /// For serving, with a certificate chain and its key, both PEM files. `protocols` are those of ALPN (RFC 7301).
  init(certificate: String, key: String) throws {
    guard let context = SSL_CTX_new(TLS_server_method()) else { throw TLSError("TLS") }
    self.context = context
    isServer = true
    swiftlet_tls_12_or_later(context)
    guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
      throw TLSError("TLS certificate \(certificate)")
    }
    guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1, SSL_CTX_check_private_key(context) == 1
    else { throw TLSError("TLS key \(key) of certificate \(certificate)") }
  }

  deinit { SSL_CTX_free(context) }

  /// A session over a connected (or connecting) socket that is not waited for. As client, the server must show a
  /// certificate for `name`, or without one for `address`. nil if memory is short.
  func stream(_ descriptor: CInt, name: String? = nil, address: String? = nil) -> TLSStream? {
    guard let session = SSL_new(context) else { return nil }
    swiftlet_tls_mode(session)
    SSL_set_fd(session, descriptor)
    if isServer {
      SSL_set_accept_state(session)
    } else {
      SSL_set_connect_state(session)
      if let name {
        swiftlet_tls_server_name(session, name)
        SSL_set1_host(session, name)
      } else if let address {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), address)
      }
    }
    return TLSStream(session)
  }
}

/// One TLS session. It belongs to one worker.
final class TLSStream {
  private let session: OpaquePointer
  /// The session waits until the socket takes more, whatever it was asked to do.
  private(set) var wantsOutput = false

  fileprivate init(_ session: OpaquePointer) { self.session = session }

  deinit { SSL_free(session) }

  /// Reads or writes as recv and send do: the count; 0 at the end; -1 with errno, EAGAIN for later.
  func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    ERR_clear_error()
    return result(SSL_read(session, buffer.baseAddress, CInt(clamping: buffer.count)))
  }

  func write(_ buffer: UnsafeRawBufferPointer) -> Int {
    ERR_clear_error()
    return result(SSL_write(session, buffer.baseAddress, CInt(clamping: buffer.count)))
  }

  /// Says goodbye; nobody waits for the answer.
  func close() {
    ERR_clear_error()
    SSL_shutdown(session)
  }

  private func result(_ count: CInt) -> Int {
    wantsOutput = false
    if count > 0 { return Int(count) }
    switch SSL_get_error(session, count) {
    case SSL_ERROR_WANT_READ: errno = EAGAIN
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN
      wantsOutput = true
    case SSL_ERROR_ZERO_RETURN: return 0
    default: errno = EPROTO
    }
    return -1
  }
}
