package import Addressing

/// A link of ours that packets between nodes go through.
package enum TunnelLink: Hashable, Sendable, CaseIterable {
  /// VXLAN over the nodes' IPv4 or IPv6 addresses.
  case vxlan4, vxlan6
  case ipip

  package var name: String {
    switch self {
    case .vxlan4: "swiftlet.1"
    case .vxlan6: "swiftlet-v6.1"
    case .ipip: "swiftlet.ipip"
    }
  }

  package static func vxlan(_ underlay: IPFamily) -> TunnelLink { underlay == .v4 ? .vxlan4 : .vxlan6 }

  /// The family of the nodes' addresses that its packets travel between.
  package var underlay: IPFamily { self == .vxlan6 ? .v6 : .v4 }

  /// Bytes it adds to each packet: VXLAN the outer IP header, UDP (8), VXLAN (8) and the inner Ethernet header (14).
  package var overhead: Int {
    switch self {
    case .vxlan4: 50
    case .vxlan6: 70
    case .ipip: 20
    }
  }
}
