package import Streaming
internal import ControlPlane

/// What the server of a node's streams needs.
package struct NodeServerConfiguration: Sendable {
  /// Shows the node's certificate and trusts the cluster's authority.
  package var context: TLSContext
  package var port: UInt16
  /// Seconds without a byte after which a stream is given up, as a kubelet does.
  package var idleLimit = 4.0 * 3600
  /// Streams at a time; further ones are turned away.
  package var mostConnections = 128

  package init(context: TLSContext, port: UInt16 = NodeTrust.port) {
    self.context = context
    self.port = port
  }
}
