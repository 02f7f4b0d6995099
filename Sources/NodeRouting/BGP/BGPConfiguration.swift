package import Addressing
package import Kubernetes

/// What the operator says of BGP, the same for all nodes: the file of `--bgp-config`.
package struct BGPConfiguration: Hashable, Sendable {
  /// The nodes' autonomous system, unless a Node says otherwise.
  package var asNumber = ASNumber.usual
  /// Where the nodes listen.
  package var port: UInt16 = 179
  /// Every node has a session with every other; only while there are no reflectors.
  package var hasNodeMesh = true
  /// Nodes that reflect routes between the others (RFC 4456); nil for none but those annotated.
  package var reflectors: LabelSelector?
  /// The reflectors' cluster id, unless a Node says otherwise. Several reflectors of one id serve the same nodes.
  package var clusterID = IPv4Address(244, 0, 0, 1)
  /// Seconds without a word after which a session is over; a third of it lies between two keepalives (RFC 4271).
  package var holdTime = 90
  /// What external peers are told.
  package var advertise: Set<BGPAdvertisement> = [.pods]
  /// Put on everything that external peers are told.
  package var communities: [BGPCommunity] = []
  package var peers: [BGPPeer] = []

  package init() {}
}

/// A BGP configuration that cannot be used: where, what was found and what was expected.
package struct BGPConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  package var file: String
  /// `peers[0].as`; empty for the whole file.
  package var field: String
  package var reason: String

  package var description: String { field.isEmpty ? "\(file): \(reason)" : "\(file), field \(field): \(reason)" }
}
