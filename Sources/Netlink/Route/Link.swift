package import Addressing
internal import CLinux

/// A network interface, as the kernel lists it.
package struct Link: Hashable, Sendable {
  package var index: Int32
  package var name: String
  /// nil for links without Ethernet addresses.
  package var mac: MACAddress?
  package var mtu: Int
  /// What `ip link` calls the type: `bridge`, `veth`, `vxlan`, …; nil for hardware and loopback.
  package var kind: String?
  /// The index of the bridge it is a port of.
  package var master: Int32?
  /// Somebody set it up (IFF_UP).
  package var isUp: Bool
  /// It has a carrier and can pass packets (IFF_LOWER_UP).
  package var hasCarrier: Bool
  /// The other end of a veth, or the link below: an index in the namespace of `peerNamespace`, nil for this one.
  package var peer: Int32?
  /// The id that this namespace gave the peer's (IFLA_LINK_NETNSID).
  package var peerNamespace: Int32?
  package var alias: String?
  package var vxlan: VXLAN?
  package var ipip: IPIP?
  /// nil for what is no bridge.
  package var bridge: Bridge?

  /// What makes a link a VXLAN tunnel end (RFC 7348).
  package struct VXLAN: Hashable, Sendable {
    /// The network identifier, 24 bits.
    package var id: UInt32
    /// The UDP port, 8472 in Linux's tradition, 4789 by the RFC.
    package var port: UInt16
    /// Our own address outside the tunnel.
    package var local: IPAddress?
    /// The link the tunnel's packets leave by.
    package var underlay: Int32?
    /// Addresses are learned from packets; without it only what we enter counts.
    package var learns: Bool

    package init(id: UInt32, port: UInt16, local: IPAddress?, underlay: Int32?, learns: Bool = false) {
      self.id = id
      self.port = port
      self.local = local
      self.underlay = underlay
      self.learns = learns
    }
  }

  init?(_ message: NetlinkMessage) {
    guard let header = message.header(ifinfomsg.self) else { return nil }
    index = header.ifi_index
    isUp = header.ifi_flags & UInt32(swiftlet_IFF_UP) != 0
    hasCarrier = header.ifi_flags & UInt32(swiftlet_IFF_LOWER_UP) != 0
    name = ""
    mtu = 0
    for attribute in message.attributes(after: MemoryLayout<ifinfomsg>.size) {
      switch attribute.type {
      case Int(IFLA_IFNAME): name = attribute.string
      case Int(IFLA_ADDRESS): mac = attribute.macAddress
      case Int(IFLA_MTU): mtu = Int(attribute.number(UInt32.self) ?? 0)
      case Int(IFLA_MASTER): master = attribute.number()
      case Int(IFLA_LINK): peer = attribute.number()
      case Int(IFLA_LINK_NETNSID): peerNamespace = attribute.number()
      case Int(IFLA_IFALIAS): alias = attribute.string
      case Int(IFLA_LINKINFO):
        kind = attribute.nested[Int(IFLA_INFO_KIND)]?.string
        let data = attribute.nested[Int(IFLA_INFO_DATA)]?.nested
        if kind == "ipip", let data { ipip = IPIP(data) }
        if kind == "vxlan", let data { vxlan = VXLAN(data) }
        if kind == "bridge", let data { bridge = Bridge(data) }
      default: break
      }
    }
  }
}

extension Link.VXLAN {
  init(_ data: NetlinkAttributes) {
    id = 0
    port = 0
    learns = false
    for attribute in data {
      switch attribute.type {
      case Int(IFLA_VXLAN_ID): id = attribute.number() ?? 0
      case Int(IFLA_VXLAN_PORT): port = attribute.bigEndian() ?? 0
      case Int(IFLA_VXLAN_LOCAL), Int(IFLA_VXLAN_LOCAL6): local = attribute.address
      case Int(IFLA_VXLAN_LINK): underlay = attribute.number()
      case Int(IFLA_VXLAN_LEARNING): learns = attribute.number(UInt8.self) != 0
      default: break
      }
    }
  }
}

/// Names a link by what is known of it; the kernel finds it by either.
package enum LinkReference: Hashable, Sendable, CustomStringConvertible {
  case index(Int32)
  case name(String)

  package var description: String {
    switch self {
    case .index(let index): "#\(index)"
    case .name(let name): name
    }
  }
}
