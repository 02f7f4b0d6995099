package import Addressing

/// A node, as routing sees it: where it is and where its pods are. Ranges that another node claims too are left out.
package struct RoutePeer: Hashable, Sendable {
  /// Name of the Node object.
  package var node: String
  /// What it announces; nil while no agent of ours or of flannel's speaks for it.
  package var mode: RoutingMode?
  /// Addresses outside any tunnel, at most one a family, where the node receives packets of its peers.
  package var underlay: [IPAddress]
  /// All of its pods, in the order of `spec.podCIDRs`; a family may have several.
  package var podRanges: [Prefix]
  /// Its annotations under `swiftlet.dev/`, `flannel.alpha.coreos.com/` and `projectcalico.org/`.
  package var annotations: [String: String]
  /// All of its labels: selectors of the operator's choose nodes by them.
  package var labels: [String: String]

  package init(
    node: String, mode: RoutingMode? = nil, underlay: [IPAddress] = [], podRanges: [Prefix] = [],
    annotations: [String: String] = [:], labels: [String: String] = [:]
  ) {
    self.node = node
    self.mode = mode
    self.underlay = underlay
    self.podRanges = podRanges
    self.annotations = annotations
    self.labels = labels
  }

  package func underlay(_ family: IPFamily) -> IPAddress? { underlay.first { $0.family == family } }

  package func podRanges(_ family: IPFamily) -> [Prefix] { podRanges.filter { $0.family == family } }
}

/// What became of one peer.
package enum RoutePeerChange: Hashable, Sendable {
  /// It is new or not what it was.
  case set(RoutePeer)
  /// It is gone.
  case removed(node: String)
  /// Another backend carries it now; packets that were on their way may still be.
  case left(node: String)

  package var node: String {
    switch self {
    case .set(let peer): peer.node
    case .removed(let node), .left(let node): node
    }
  }
}
