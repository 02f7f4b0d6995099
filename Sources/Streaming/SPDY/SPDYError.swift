/// Bytes that are no SPDY/3.1, or more than is taken: the connection is closed.
package struct SPDYError: Error, Hashable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
