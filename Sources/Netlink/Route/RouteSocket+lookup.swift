package import Addressing
internal import CLinux

/// Where the kernel would send a packet for an address.
package struct RouteLookup: Hashable, Sendable {
  package var kind: Route.Kind
  package var interface: Int32?
  /// The next hop; nil if the address itself is on the link.
  package var gateway: IPAddress?

  package init(kind: Route.Kind = .unicast, interface: Int32?, gateway: IPAddress? = nil) {
    self.kind = kind
    self.interface = interface
    self.gateway = gateway
  }

  init?(_ message: NetlinkMessage) {
    guard let header = message.header(rtmsg.self), let kind = Route.Kind(rawValue: header.rtm_type) else { return nil }
    self.kind = kind
    let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
    interface = attributes[Int(RTA_OIF.rawValue)]?.number()
    gateway =
      attributes[Int(RTA_GATEWAY.rawValue)]?.address
      ?? attributes[Int(RTA_VIA.rawValue)].flatMap { IPAddress(bytes: $0.value.dropFirst(2)) }
  }
}

extension RouteSocket {
  /// Asks the kernel for the route to an address (`ip route get`); nil where there is none.
  package func lookUpRoute(to address: IPAddress) throws -> RouteLookup? {
    try answer(to: address, flags: 0).flatMap(RouteLookup.init)
  }

  /// The entry of the routing tables that a packet to an address takes (`ip route get fibmatch`); nil where there is none.
  package func tableRoute(to address: IPAddress) throws -> Route? {
    try answer(to: address, flags: UInt32(RTM_F_FIB_MATCH)).flatMap(Route.init)
  }

  private func answer(to address: IPAddress, flags: UInt32) throws -> NetlinkMessage? {
    do {
      return try socket.request("look up the route to \(address)", type: UInt16(RTM_GETROUTE)) { writer in
        var header = rtmsg()
        header.rtm_family = addressFamily(address.family)
        header.rtm_dst_len = UInt8(address.family.bits)
        header.rtm_flags = flags
        writer.append(structure: header)
        writer.attribute(Int(RTA_DST.rawValue), address)
      }
    } catch let error as NetlinkError
      where [ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES, ECONNREFUSED, EAGAIN].contains(error.code)
    {
      // No route; the errors of unreachable, blackhole, prohibit and throw routes (fib_props in net/ipv4/fib_semantics.c).
      return nil
    }
  }
}
