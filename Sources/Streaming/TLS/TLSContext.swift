internal import COpenSSL
internal import Glibc
internal import Linux

/// Certificates and rules of one side of TLS 1.2 or 1.3. From the first one on the process ignores SIGPIPE: OpenSSL writes
/// to sockets whose other end may have gone.
package final class TLSContext: @unchecked Sendable {
  // @unchecked: an SSL_CTX that is set up is only read, and OpenSSL counts its references with atomics.
  let context: OpaquePointer
  let isServer: Bool
  /// What is spoken above TLS in the form of ALPN: names, each after its length, and a zero. A server's callback reads it.
  private let offer: UnsafeMutableBufferPointer<UInt8>

  private init(isServer: Bool, protocols: [String]) throws(TLSError) {
    Signals.ignoreBrokenPipes()
    guard let context = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
      throw TLSError("OpenSSL has no memory")
    }
    self.context = context
    self.isServer = isServer
    let names = protocols.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + $0.utf8 }
    offer = .allocate(capacity: names.count + 1)
    _ = offer.initialize(from: names + [0])
    guard swiftlet_ssl_set_options(context) == 1 else { throw TLSError("OpenSSL does not speak TLS 1.2") }
    guard !names.isEmpty else { return }
    if isServer {
      swiftlet_ssl_offer_protocols(context, offer.baseAddress)
    } else {
      SSL_CTX_set_alpn_protos(context, offer.baseAddress, UInt32(names.count))
    }
  }

  deinit {
    SSL_CTX_free(context)
    offer.deallocate()
  }

  /// For two sides that both show a certificate of one authority; whoever has none gets nowhere. All in PEM.
  package convenience init(isServer: Bool, certificate: String, key: String, authority: String) throws(TLSError) {
    try self.init(isServer: isServer, protocols: [])
    guard
      let ours = Self.read(certificate, { PEM_read_bio_X509($0, nil, nil, nil) }),
      let ourKey = Self.read(key, { PEM_read_bio_PrivateKey($0, nil, nil, nil) })
    else { throw TLSError("the certificate or its key is no PEM") }
    defer {
      X509_free(ours)
      EVP_PKEY_free(ourKey)
    }
    guard SSL_CTX_use_certificate(context, ours) == 1, SSL_CTX_use_PrivateKey(context, ourKey) == 1 else {
      throw TLSError("the certificate and its key do not belong together")
    }
    guard let root = Self.read(authority, { PEM_read_bio_X509($0, nil, nil, nil) }) else {
      throw TLSError("the authority's certificate is no PEM")
    }
    defer { X509_free(root) }
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
  }

  /// For a server that asks nobody for a certificate.
  ///
  /// - Parameters:
  ///   - certificateFile: a chain in PEM, `keyFile` its key.
  ///   - protocols: spoken above TLS, the best first (ALPN, RFC 7301). A client that names others alone is refused; one
  ///     that names none is not.
  package convenience init(certificateFile: String, keyFile: String, protocols: [String]) throws(TLSError) {
    try self.init(isServer: true, protocols: protocols)
    guard SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
      throw TLSError.latest("TLS certificate \(certificateFile)") ?? TLSError("TLS certificate \(certificateFile)")
    }
    guard SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1, SSL_CTX_check_private_key(context) == 1
    else {
      let what = "TLS key \(keyFile) of certificate \(certificateFile)"
      throw TLSError.latest(what) ?? TLSError(what)
    }
  }

  /// For a client that trusts the authorities of a PEM file, or, with nil, the system's.
  package convenience init(authorityFile: String?, protocols: [String] = []) throws(TLSError) {
    try self.init(isServer: false, protocols: protocols)
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    if let authorityFile {
      guard SSL_CTX_load_verify_locations(context, authorityFile, nil) == 1 else {
        let what = "TLS authorities in \(authorityFile)"
        throw TLSError.latest(what) ?? TLSError(what)
      }
    } else {
      SSL_CTX_set_default_verify_paths(context)
    }
  }

  private static func read(_ text: String, _ body: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { buffer in
      guard let bio = BIO_new_mem_buf(buffer.baseAddress, CInt(buffer.count)) else { return nil }
      defer { BIO_free(bio) }
      return body(bio)
    }
  }
}
