/// What cannot be routed, and why; said once and skipped, so that one bad Node harms only itself.
package struct RoutingProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// The node it is about.
  package var node: String
  /// What was found, what was expected, what to do.
  package var reason: String

  package init(node: String, _ reason: String) {
    self.node = node
    self.reason = reason
  }

  package var description: String { "node \(node): \(reason)" }
}

/// Why this node cannot take part in a way of routing.
package struct RoutingError: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
