/// A certificate and its key, both PEM.
package struct TLSIdentity: Sendable {
  package let certificate: String
  package let key: String
}
