/// Namespace and name of an object; the namespace is empty for objects of the cluster.
package struct ObjectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  package var namespace: String
  package var name: String

  package init(_ namespace: String, _ name: String) {
    self.namespace = namespace
    self.name = name
  }

  /// `namespace/name`, or the name alone for an object of the cluster.
  package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}
