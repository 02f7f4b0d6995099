internal import COpenSSL

/// A TLS connection that could not be made or broke, or settings that TLS cannot be spoken with.
package struct TLSError: Error, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }

  /// What OpenSSL says of the last failure on this thread; nil if it says nothing.
  static func latest(_ what: String) -> TLSError? {
    let error = ERR_get_error()
    guard error != 0 else { return nil }
    return TLSError("\(what): \(ERR_reason_error_string(error).map { String(cString: $0) } ?? "error \(error)")")
  }
}
