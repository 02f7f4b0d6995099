package import Addressing

/// What lies between the nodes.
package enum Underlay: String, Hashable, Sendable, CaseIterable {
  /// One switch: all nodes share a subnet.
  case flat
  /// Two switches and a router between them: every second node is in the other half of the node range.
  case routed

  /// The nodes' subnets within a node range.
  package func subnets(of range: Prefix) -> [Prefix] {
    switch self {
    case .flat: [range]
    case .routed: (0..<2).compactMap { range.subnet(length: range.length + 1, at: $0) }
    }
  }

  package var subnetCount: Int { self == .flat ? 1 : 2 }
}
