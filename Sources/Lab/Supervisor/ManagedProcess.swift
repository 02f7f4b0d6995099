/// A process the supervisor keeps running.
package struct ManagedProcess: Hashable, Sendable {
  /// Unique; also the name of its log.
  package let name: String
  package let argv: [String]
  /// The node whose network namespace it runs in; `fabric` for the outside world.
  package let node: String
  /// Files that must exist before it is started for the first time.
  package let requires: [String]
  /// Gets the listener on 127.0.0.1 as descriptor 3.
  package let inheritsListener: Bool

  package init(
    name: String, argv: [String], node: String, requires: [String] = [], inheritsListener: Bool = false
  ) {
    self.name = name
    self.argv = argv
    self.node = node
    self.requires = requires
    self.inheritsListener = inheritsListener
  }
}
