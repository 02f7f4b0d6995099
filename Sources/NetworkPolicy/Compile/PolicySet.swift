package import Addressing
package import ClusterModel

/// A named set of the policy table, by what it holds. Those of addresses exist once a family.
package enum PolicySet: Hashable, Sendable {
  /// Addresses of this node's pods that the compiler knows; others of the node's ranges are closed.
  case known
  /// Pairs `address . address`, one for each pod of this node: a pod may always reach itself.
  case itself
  /// The node's pod ranges.
  case nodeRanges
  /// Addresses of the pods a selector chooses, in the whole cluster.
  case pods(SelectorKey)
  /// `address . port` of the pods a selector chooses that give a port of this protocol this name.
  case namedPort(SelectorKey, name: String, TransportProtocol)
  /// Blocks without their exceptions, merged; constant.
  case blocks([AddressRange])
  /// Port numbers, in order; constant, and of no family.
  case ports([UInt16])
}

/// An element of a policy set.
package enum PolicyElement: Hashable, Sendable {
  case address(IPAddress)
  case pair(IPAddress)
  case addressPort(IPAddress, UInt16)
  case range(AddressRange)
  case port(UInt16)

  /// nil for elements of sets that have no family.
  package var family: IPFamily? {
    switch self {
    case .address(let address), .pair(let address), .addressPort(let address, _): address.family
    case .range(let range): range.first.family
    case .port: nil
    }
  }
}
