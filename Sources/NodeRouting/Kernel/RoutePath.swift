package import Addressing

/// How packets for one pod range of a peer leave this node.
package enum RoutePath: Hashable, Sendable, CustomStringConvertible {
  /// As they are, to the peer's own address on a link that we share.
  case direct(gateway: IPAddress, interface: Int32)
  /// In VXLAN, to the peer's tunnel end.
  case vxlan(mac: MACAddress, linkLocal: IPAddress, destination: IPAddress)
  /// In IP in IP.
  case ipip(destination: IPAddress)

  /// The link of ours it needs.
  package var link: TunnelLink? {
    switch self {
    case .direct: nil
    case .vxlan(_, _, let destination): .vxlan(destination.family)
    case .ipip: .ipip
    }
  }

  package var description: String {
    switch self {
    case .direct(let gateway, _): "direct via \(gateway)"
    case .vxlan(_, _, let destination): "vxlan to \(destination)"
    case .ipip(let destination): "ipip to \(destination)"
    }
  }
}

/// Where a node's address is, seen from this one: the kernel's answer to a route lookup.
package enum Adjacency: Hashable, Sendable {
  /// On a link of ours, reached without a router.
  case onLink(interface: Int32)
  case behind(gateway: IPAddress)
  /// It is an address of this machine.
  case here
  case unreachable
}
