/// How a node wants its pods' packets brought to it, chosen by the agent's `--routing`. Nodes of different modes reach
/// one another: each peer is sent to in the way that the peer announces.
package enum RoutingMode: String, Hashable, Sendable, CaseIterable {
  /// Everything by VXLAN (RFC 7348).
  case vxlan
  /// Plain routes through the nodes' own addresses; nodes must share a subnet.
  case hostGateway = "host-gw"
  /// Plain routes inside a subnet, VXLAN across.
  case crossSubnet = "cross-subnet"
  /// IPv4 pods by IP in IP (RFC 2003).
  case ipip
  /// Plain routes inside a subnet, IP in IP across.
  case ipipCrossSubnet = "ipip-cross-subnet"
  /// Plain routes that BIRD learns from the other nodes and from routers.
  case bgp
  /// Everything by WireGuard, encrypted.
  case wireguard

  /// The annotation `backend-type` that flannel's nodes read: nodes of another type are no peers to them.
  package var flannelType: String {
    switch self {
    case .vxlan, .crossSubnet: "vxlan"
    case .hostGateway: "host-gw"
    case .ipip, .ipipCrossSubnet: "ipip"
    case .bgp: "bgp"
    case .wireguard: "wireguard"
    }
  }

  /// Packets travel this way only between two nodes of the mode.
  package var needsBothSides: Bool { self == .bgp || self == .wireguard }

  /// Plain routes where a peer is in the same subnet.
  package var prefersDirect: Bool {
    switch self {
    case .hostGateway, .crossSubnet, .ipipCrossSubnet: true
    case .vxlan, .ipip, .bgp, .wireguard: false
    }
  }
}
