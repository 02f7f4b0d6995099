package import Addressing
internal import CLinux

/// A route with one next hop.
package struct Route: Hashable, Sendable {
  /// What the kernel does with a packet that takes the route (RTN_…).
  package enum Kind: UInt8, Sendable {
    case unicast = 1
    case local, broadcast, anycast, multicast, blackhole, unreachable, prohibit
  }

  package var destination: Prefix
  package var kind: Kind
  package var gateway: IPAddress?
  package var interface: Int32?
  /// The gateway is on the link even if no prefix of it says so.
  package var isOnlink: Bool
  /// Which of our own addresses packets get.
  package var preferredSource: IPAddress?
  /// Lower is preferred. 0 is IPv4's usual; IPv6 makes it 1024.
  package var metric: UInt32
  package var table: UInt32
  /// Who made it (RTPROT_…): 2 kernel, 3 boot, 4 static, 87 Swiftlet.
  package var protocolNumber: UInt8
  /// RT_SCOPE_…: 0 universe (by a gateway), 253 link, 254 host. IPv6 has none.
  package var scope: UInt8
  /// The largest packet the route takes; nil leaves it to the link.
  package var mtu: UInt32?

  /// The scope, unless given, is the one `ip route` chooses: host for local routes, link without a gateway.
  package init(
    _ destination: Prefix, kind: Kind = .unicast, gateway: IPAddress? = nil, interface: Int32? = nil,
    isOnlink: Bool = false, preferredSource: IPAddress? = nil, metric: UInt32 = 0, table: UInt32 = Self.mainTable,
    protocolNumber: UInt8 = Self.ownProtocol, scope: UInt8? = nil, mtu: UInt32? = nil
  ) {
    self.destination = destination
    self.kind = kind
    self.gateway = gateway
    self.interface = interface
    self.isOnlink = isOnlink
    self.preferredSource = preferredSource
    self.metric = destination.family == .v6 && metric == 0 ? Self.defaultMetric6 : metric
    self.table = table
    self.protocolNumber = protocolNumber
    let usual: UInt8 =
      switch kind {
      case .local: 254
      case .unicast, .broadcast, .multicast, .anycast: gateway == nil ? 253 : 0
      case .blackhole, .unreachable, .prohibit: 0
      }
    self.scope = destination.family == .v6 ? 0 : scope ?? usual
    self.mtu = mtu
  }

  package static let mainTable: UInt32 = 254
  package static let localTable: UInt32 = 255
  /// The protocol number of the routes that are ours.
  package static let ownProtocol: UInt8 = 87
  /// What IPv6 makes of metric 0 (IP6_RT_PRIO_USER).
  private static let defaultMetric6: UInt32 = 1024

  /// nil for what is no route with one next hop of a family we know.
  init?(_ message: NetlinkMessage) {
    guard let header = message.header(rtmsg.self) else { return nil }
    let family: IPFamily
    switch CInt(header.rtm_family) {
    case AF_INET: family = .v4
    case AF_INET6: family = .v6
    default: return nil
    }
    guard let kind = Kind(rawValue: header.rtm_type), Int(header.rtm_dst_len) <= family.bits,
      header.rtm_flags & UInt32(RTM_F_CLONED) == 0
    else { return nil }
    self.kind = kind
    table = UInt32(header.rtm_table)
    protocolNumber = header.rtm_protocol
    scope = header.rtm_scope
    isOnlink = header.rtm_flags & UInt32(RTNH_F_ONLINK) != 0
    metric = 0
    var address = IPAddress(family, number: 0)
    for attribute in message.attributes(after: MemoryLayout<rtmsg>.size) {
      switch UInt32(attribute.type) {
      case RTA_DST.rawValue: address = attribute.address ?? address
      case RTA_GATEWAY.rawValue: gateway = attribute.address
      case RTA_VIA.rawValue: gateway = IPAddress(bytes: attribute.value.dropFirst(2))
      case RTA_OIF.rawValue: interface = attribute.number()
      case RTA_PREFSRC.rawValue: preferredSource = attribute.address
      case RTA_PRIORITY.rawValue: metric = attribute.number() ?? 0
      case RTA_TABLE.rawValue: table = attribute.number() ?? table
      case RTA_METRICS.rawValue: mtu = attribute.nested[Int(RTAX_MTU)]?.number()
      case RTA_MULTIPATH.rawValue: return nil
      default: break
      }
    }
    // A message whose destination is of another family than its header is no route.
    guard address.family == family else { return nil }
    destination = Prefix(address, length: Int(header.rtm_dst_len))
  }

  func write(to writer: inout NetlinkWriter) {
    var header = rtmsg()
    header.rtm_family = addressFamily(destination.family)
    header.rtm_dst_len = UInt8(destination.length)
    header.rtm_table = table < 256 ? UInt8(table) : UInt8(RT_TABLE_COMPAT.rawValue)
    header.rtm_protocol = protocolNumber
    header.rtm_scope = scope
    header.rtm_type = kind.rawValue
    if isOnlink { header.rtm_flags = UInt32(RTNH_F_ONLINK) }
    writer.append(structure: header)
    writer.attribute(RTA_TABLE, table)
    if destination.length > 0 { writer.attribute(RTA_DST, bytes: destination.address.bytes) }
    if let gateway {
      if gateway.family == destination.family {
        writer.attribute(RTA_GATEWAY, bytes: gateway.bytes)
      } else {
        // IPv4 over an IPv6 gateway (RFC 5549): struct rtvia.
        let family = UInt16(addressFamily(gateway.family))
        writer.attribute(RTA_VIA, bytes: [UInt8(family & 0xFF), UInt8(family >> 8)] + gateway.bytes)
      }
    }
    if let interface { writer.attribute(RTA_OIF, interface) }
    if let preferredSource { writer.attribute(RTA_PREFSRC, bytes: preferredSource.bytes) }
    if metric != 0 { writer.attribute(RTA_PRIORITY, metric) }
    if let mtu { writer.nested(RTA_METRICS) { $0.attribute(Int(RTAX_MTU), mtu) } }
  }
}

extension Route: CustomStringConvertible {
  /// As `ip route` would write it, with the link's index.
  package var description: String {
    var words: [String] = []
    if kind != .unicast { words.append("\(kind)") }
    words.append("\(destination)")
    if let gateway { words.append("via \(gateway)") }
    if let interface { words.append("dev #\(interface)") }
    if isOnlink { words.append("onlink") }
    if let preferredSource { words.append("src \(preferredSource)") }
    if metric != 0 { words.append("metric \(metric)") }
    if table != Self.mainTable { words.append("table \(table)") }
    return words.joined(separator: " ")
  }
}
