internal import COpenSSL

/// An X.509 certificate with its private key, held for signing or checking.
final class Certificate {
  private let certificate: OpaquePointer
  private let key: OpaquePointer

  private init(certificate: OpaquePointer, key: OpaquePointer) {
    self.certificate = certificate
    self.key = key
  }

  deinit {
    X509_free(certificate)
    EVP_PKEY_free(key)
  }

  /// What a certificate is to be for.
  enum Purpose {
    case authority
    /// For a server with these DNS names and addresses.
    case server(names: [String])
    /// For a client of the API, who is the subject's common name and in these groups, its organizations.
    case client(groups: [String])
  }

  private static let day = 86_400

  /// Makes a key and a certificate, signed by an issuer or by itself.
  init(commonName: String, purpose: Purpose, days: Int, issuer: Certificate? = nil) throws(PKIError) {
    guard let key = swiftlet_new_p256_key(), let certificate = X509_new() else {
      throw PKIError("certificate \(commonName)", "OpenSSL has no memory or no random numbers")
    }
    self.key = key
    self.certificate = certificate
    X509_set_version(certificate, 2)
    var serial = [UInt8](repeating: 0, count: 16)
    RAND_bytes(&serial, 16)
    serial[0] &= 0x7F
    let number = BN_bin2bn(serial, 16, nil)
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate))
    BN_free(number)
    // An hour back: clocks of clients may differ.
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
    X509_gmtime_adj(X509_getm_notAfter(certificate), days * Self.day)
    X509_set_pubkey(certificate, key)
    let subject = X509_get_subject_name(certificate)
    if case .client(let groups) = purpose { for group in groups { swiftlet_add_name(subject, "O", group) } }
    swiftlet_add_name(subject, "CN", commonName)
    let signer = issuer ?? self
    X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate))
    var extensions: [(CInt, String)] = [(NID_subject_key_identifier, "hash")]
    switch purpose {
    case .authority:
      extensions += [
        (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign"),
      ]
    case .client:
      extensions += [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "clientAuth"), (NID_authority_key_identifier, "keyid"),
      ]
    case .server(let names):
      let list = names.map { ($0.contains(":") || Self.isIPv4($0) ? "IP:" : "DNS:") + $0 }.joined(separator: ",")
      extensions += [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "serverAuth"), (NID_authority_key_identifier, "keyid"), (NID_subject_alt_name, list),
      ]
    }
    for (nid, value) in extensions {
      guard swiftlet_add_extension(certificate, signer.certificate, nid, value) == 1 else {
        throw PKIError("certificate \(commonName)", "OpenSSL refuses the extension \"\(value)\"")
      }
    }
    guard X509_sign(certificate, signer.key, EVP_sha256()) > 0 else {
      throw PKIError("certificate \(commonName)", "OpenSSL cannot sign it")
    }
  }

  private static func isIPv4(_ name: String) -> Bool {
    name.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
  }

  /// Reads a certificate and its key; nil if either is no PEM or they do not belong together.
  static func read(_ identity: TLSIdentity) -> Certificate? {
    guard
      let certificate = withBIO(identity.certificate, { PEM_read_bio_X509($0, nil, nil, nil) }),
      let key = withBIO(identity.key, { PEM_read_bio_PrivateKey($0, nil, nil, nil) })
    else { return nil }
    let result = Certificate(certificate: certificate, key: key)
    return X509_check_private_key(certificate, key) == 1 ? result : nil
  }

  private static func withBIO(_ text: String, _ body: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { buffer in
      guard let bio = BIO_new_mem_buf(buffer.baseAddress, CInt(buffer.count)) else { return nil }
      defer { BIO_free(bio) }
      return body(bio)
    }
  }

  /// As PEM.
  var identity: TLSIdentity {
    func text(_ write: (OpaquePointer) -> Void) -> String {
      guard let bio = BIO_new(BIO_s_mem()) else { return "" }
      defer { BIO_free(bio) }
      write(bio)
      var start: UnsafeMutablePointer<CChar>?
      let count = swiftlet_bio_bytes(bio, &start)
      return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
    return TLSIdentity(
      certificate: text { PEM_write_bio_X509($0, certificate) },
      key: text { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) })
  }

  /// True if it is valid for another so many days.
  func lasts(days: Int) -> Bool {
    guard let limit = X509_gmtime_adj(nil, days * Self.day) else { return false }
    defer { ASN1_STRING_free(limit) }
    return ASN1_TIME_compare(X509_get0_notAfter(certificate), limit) > 0
  }

  /// True if it is for all these DNS names and addresses.
  func covers(_ names: [String]) -> Bool {
    names.allSatisfy { name in
      X509_check_ip_asc(certificate, name, 0) == 1 || X509_check_host(certificate, name, name.utf8.count, 0, nil) == 1
    }
  }

  func isSigned(by issuer: Certificate) -> Bool {
    guard let key = X509_get0_pubkey(issuer.certificate) else { return false }
    return X509_verify(certificate, key) == 1
  }
}
