/// No answer came from the API server.
package struct TransportError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Reason: Hashable, Sendable {
    /// The server's name could not be resolved.
    case unresolved
    /// Nobody accepts connections there, or the way is cut.
    case unreachable
    /// The certificate of one side was not accepted by the other, or TLS failed otherwise.
    case untrusted
    /// No answer within the time allowed.
    case timeout
    /// The connection broke before the answer was complete.
    case interrupted
    /// The transport was closed or the stream cancelled by its owner.
    case cancelled
    /// Anything else; see the message.
    case other
  }

  /// Nobody heard the request.
  package var isUnreachable: Bool { reason == .unreachable || reason == .unresolved }

  package var reason: Reason
  /// Server, what happened, and a remedy where there is one.
  package var message: String

  package init(_ reason: Reason, _ message: String) {
    self.reason = reason
    self.message = message
  }

  package var description: String { message }
}
