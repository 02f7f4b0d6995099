package import Addressing

/// What BIRD does on one node: compiled from the nodes, the operator's configuration and the Services, without looking at
/// the machine.
package struct BGPSpeaker: Hashable, Sendable {
  package var routerID: IPv4Address
  package var asNumber: ASNumber
  /// This node's addresses outside of any tunnel, at most one a family: the source of what the node itself sends.
  package var addresses: [IPAddress]
  /// This node's pod ranges, each announced as one prefix.
  package var podRanges: [Prefix]
  /// Ranges of the whole cluster: what nodes are believed to have. Empty believes everything.
  package var clusterPodRanges: [Prefix]
  package var serviceRanges: [Prefix]
  package var services: BGPServiceAddresses
  /// The cluster this node reflects routes for; nil if it is no reflector.
  package var clusterID: IPv4Address?
  package var holdTime: Int
  /// Sorted by name.
  package var sessions: [BGPSession] = []
  /// Nodes and peers there can be no session with, and why.
  package var problems: [RoutingProblem] = []

  /// FNV-1a of a text: numbers that stay the same for a name.
  static func hash(_ text: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash
  }
}
