internal import COpenSSL
internal import Linux
internal import Synchronization

/// Knows clients by the certificates of an own authority: the common name is the user, the organizations are his groups
/// (Kubernetes' X.509 client certificates).
package final class ClientCertificates: @unchecked Sendable {
  // @unchecked: OpenSSL locks its X509_STORE, which is not changed after `init`.
  private let store: OpaquePointer

  private struct Known {
    let user: APIUser
    /// On the monotonic clock, in milliseconds: then it is checked again.
    let until: Int
  }

  /// A connection shows the same certificate with each request: what was checked a moment ago is not checked again.
  private let known = Mutex<[[UInt8]: Known]>([:])
  private static let capacity = 1024
  private static let freshness = 10_000

  /// `authority` is PEM.
  package init(authority: String) throws(PKIError) {
    guard let store = X509_STORE_new() else { throw PKIError("authority of clients", "OpenSSL has no memory") }
    self.store = store
    let bytes = Array(authority.utf8)
    let isAdded = bytes.withUnsafeBytes { buffer in
      guard let bio = BIO_new_mem_buf(buffer.baseAddress, CInt(buffer.count)) else { return false }
      defer { BIO_free(bio) }
      guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else { return false }
      defer { X509_free(certificate) }
      return X509_STORE_add_cert(store, certificate) == 1
    }
    guard isAdded else { throw PKIError("authority of clients", "is no certificate in PEM") }
  }

  deinit { X509_STORE_free(store) }

  /// Who shows a certificate (DER); nil if it is not valid, not by the authority, not for clients, or names nobody.
  package func user(_ certificate: [UInt8]) -> APIUser? {
    let now = Time.monotonicMilliseconds
    if let found = known.withLock({ $0[certificate] }), found.until > now { return found.user }
    guard let user = check(certificate) else { return nil }
    known.withLock { known in
      if known.count >= Self.capacity { known = [:] }
      known[certificate] = Known(user: user, until: now + Self.freshness)
    }
    return user
  }

  private func check(_ der: [UInt8]) -> APIUser? {
    guard let certificate = swiftlet_verified_client(store, der, der.count) else { return nil }
    defer { X509_free(certificate) }
    guard let name = Self.subject(certificate, NID_commonName).last, !name.isEmpty else { return nil }
    return APIUser(name: name, groups: Self.subject(certificate, NID_organizationName) + ["system:authenticated"])
  }

  private static func subject(_ certificate: OpaquePointer, _ entry: CInt) -> [String] {
    var texts: [String] = []
    var position: CInt = -1
    while true {
      var text: UnsafeMutablePointer<UInt8>?
      var size: CInt = 0
      position = swiftlet_subject_entry(certificate, entry, position, &text, &size)
      guard position >= 0 else { return texts }
      if let text, size >= 0 {
        texts.append(String(decoding: UnsafeBufferPointer(start: text, count: Int(size)), as: UTF8.self))
        swiftlet_free(text)
      }
    }
  }
}
