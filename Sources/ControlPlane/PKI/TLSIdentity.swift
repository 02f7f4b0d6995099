/// A certificate and its key, both PEM.
package struct TLSIdentity: Sendable {
  package let certificate: String
  package let key: String

  package init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}
