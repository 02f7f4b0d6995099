internal import COpenSSL
internal import Linux

/// One side of TLS 1.2 or 1.3 in which both sides show a certificate of one authority; whoever has none gets nowhere.
package final class TLSContext: @unchecked Sendable {
  // @unchecked: an SSL_CTX that is set up is only read, and OpenSSL counts its references with atomics.
  let context: OpaquePointer
  let isServer: Bool

  /// All in PEM. From here on the process ignores SIGPIPE: OpenSSL writes to sockets whose other end may have gone.
  package init(isServer: Bool, certificate: String, key: String, authority: String) throws(TLSError) {
    Signals.ignoreBrokenPipes()
    self.isServer = isServer
    guard let context = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
      throw TLSError("OpenSSL has no memory")
    }
    self.context = context
    guard swiftlet_ssl_set_options(context) == 1 else { throw TLSError("OpenSSL does not speak TLS 1.2") }
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

  deinit { SSL_CTX_free(context) }

  private static func read(_ text: String, _ body: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { buffer in
      guard let bio = BIO_new_mem_buf(buffer.baseAddress, CInt(buffer.count)) else { return nil }
      defer { BIO_free(bio) }
      return body(bio)
    }
  }
}
