/// What the API server asks the server of a pod's node: the paths and parameters of a kubelet.
package struct NodeRequest: Sendable, Hashable {
  package let node: String
  /// Of the node, as its object tells them.
  package let address: String
  package let port: UInt16
  package let method: String
  /// Path and query, percent-encoded.
  package let target: String
  /// Further header fields: those of an upgrade.
  package let fields: [String: String]

  /// The answer is another protocol, not a body.
  package var isUpgrade: Bool { !fields.isEmpty }
}
