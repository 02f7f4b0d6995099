/// A TLS connection that could not be made or broke.
package struct TLSError: Error, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
