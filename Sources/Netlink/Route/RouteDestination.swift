package import Addressing
internal import CLinux

/// Where a route leads, whatever its next hops are: enough to know which addresses are in use.
package struct RouteDestination: Hashable, Sendable {
  package let kind: Route.Kind
  package let prefix: Prefix
  /// The link of the next hop, of the first one if there are several; nil for blackholes.
  package let interface: Int32?
  /// Packets go to a router, not to a neighbour.
  package let hasGateway: Bool
  package let table: UInt32
  /// RTPROT_…: see `Route.protocolNumber`.
  package let protocolNumber: UInt8

  package init(
    _ prefix: Prefix, kind: Route.Kind = .unicast, interface: Int32? = nil, hasGateway: Bool = false,
    table: UInt32 = Route.mainTable, protocolNumber: UInt8 = 3
  ) {
    self.kind = kind
    self.prefix = prefix
    self.interface = interface
    self.hasGateway = hasGateway
    self.table = table
    self.protocolNumber = protocolNumber
  }

  /// nil for what is no route of IPv4 or IPv6, and for cached ones.
  init?(_ message: NetlinkMessage) {
    guard let header = message.header(rtmsg.self), let kind = Route.Kind(rawValue: header.rtm_type),
      header.rtm_flags & UInt32(RTM_F_CLONED) == 0
    else { return nil }
    let family: IPFamily
    switch CInt(header.rtm_family) {
    case AF_INET: family = .v4
    case AF_INET6: family = .v6
    default: return nil
    }
    var address = IPAddress(family, number: 0)
    var interface: Int32?
    var hasGateway = false
    var table = UInt32(header.rtm_table)
    for attribute in message.attributes(after: MemoryLayout<rtmsg>.size) {
      switch UInt32(attribute.type) {
      case RTA_DST.rawValue: address = attribute.address ?? address
      case RTA_OIF.rawValue: interface = attribute.number()
      case RTA_GATEWAY.rawValue, RTA_VIA.rawValue: hasGateway = true
      case RTA_TABLE.rawValue: table = attribute.number() ?? table
      case RTA_MULTIPATH.rawValue:
        // struct rtnexthop: length, flags, weight, and the link in the second half.
        let bytes = Array(attribute.value)
        guard bytes.count >= MemoryLayout<rtnexthop>.size else { return nil }
        interface = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: Int32.self) }
        hasGateway = true
      default: break
      }
    }
    guard address.family == family, Int(header.rtm_dst_len) <= family.bits else { return nil }
    self.init(
      Prefix(address, length: Int(header.rtm_dst_len)), kind: kind, interface: interface, hasGateway: hasGateway,
      table: table, protocolNumber: header.rtm_protocol)
  }
}

extension RouteSocket {
  /// Where all routes of all tables lead, those with several next hops included.
  package func destinations() throws -> [RouteDestination] {
    var found: [RouteDestination] = []
    for family in IPFamily.allCases {
      do {
        found += try socket.dump("list routes", type: UInt16(RTM_GETROUTE)) { writer in
          var header = rtmsg()
          header.rtm_family = addressFamily(family)
          writer.append(structure: header)
        }
        .compactMap(RouteDestination.init)
      } catch let error as NetlinkError where error.code == EAFNOSUPPORT {
        continue  // a kernel without the family
      }
    }
    return found
  }
}
