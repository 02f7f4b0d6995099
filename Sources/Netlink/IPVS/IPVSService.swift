package import Addressing
internal import Glibc

/// A virtual service of IPVS (linux/ip_vs.h).
package struct IPVSService: Hashable, Sendable {
  /// What distinguishes one virtual service from another; those by firewall mark are not described here.
  package struct Key: Hashable, Sendable {
    /// IANA protocol number.
    package var transport: UInt8
    package var port: UInt16
    package var address: IPAddress

    package init(_ address: IPAddress, transport: UInt8, port: UInt16) {
      self.transport = transport
      self.port = port
      self.address = address
    }
  }

  package var key: Key
  /// The kernel's name of the scheduler: `rr`.
  package var scheduler: String
  /// IP_VS_SVC_F_SCHED1…3, by the scheduler.
  package var schedulerFlags: UInt32
  /// Seconds for which a client keeps its destination; nil without persistence.
  package var persistence: UInt32?
  /// Connections scheduled so far; as read.
  package var connections: UInt64 = 0

  package init(_ key: Key, scheduler: String, schedulerFlags: UInt32 = 0, persistence: UInt32? = nil) {
    self.key = key
    self.scheduler = scheduler
    self.schedulerFlags = schedulerFlags
    self.persistence = persistence
  }

  /// Equal in everything that is set, whatever has been counted.
  package func isSame(as other: IPVSService) -> Bool {
    key == other.key && scheduler == other.scheduler && schedulerFlags == other.schedulerFlags
      && persistence == other.persistence
  }

  /// IP_VS_SVC_F_PERSISTENT.
  private static let persistent: UInt32 = 1
  /// IP_VS_SVC_F_SCHED1 to 3.
  private static let schedulerMask: UInt32 = 0x38

  /// nil for services by firewall mark and for what is no service.
  init?(_ attributes: NetlinkAttributes) {
    guard let transport: UInt16 = attributes[IPVSCode.Service.transport]?.number(),
      let family: UInt16 = attributes[IPVSCode.Service.family]?.number(),
      let address = attributes[IPVSCode.Service.address].flatMap({ IPAddress(padded: $0.value, family) }),
      let port: UInt16 = attributes[IPVSCode.Service.port]?.bigEndian()
    else { return nil }
    key = Key(address, transport: UInt8(truncatingIfNeeded: transport), port: port)
    scheduler = attributes[IPVSCode.Service.scheduler]?.string ?? ""
    // struct ip_vs_flags: flags, mask.
    let flags: UInt32 = attributes[IPVSCode.Service.flags]?.structure() ?? 0
    schedulerFlags = flags & Self.schedulerMask
    persistence =
      flags & Self.persistent != 0 ? attributes[IPVSCode.Service.timeout]?.number() ?? 0 : nil
    connections =
      attributes[IPVSCode.Service.statistics]?.nested[IPVSCode.Statistics.connections]?.number() ?? 0
  }

  /// The attributes that name the service.
  static func write(_ key: Key, to writer: inout NetlinkWriter) {
    writer.attribute(IPVSCode.Service.family, UInt16(key.address.family == .v4 ? AF_INET : AF_INET6))
    writer.attribute(IPVSCode.Service.transport, UInt16(key.transport))
    writer.attribute(IPVSCode.Service.address, bytes: key.address.padded)
    writer.attribute(IPVSCode.Service.port, bigEndian: key.port)
  }

  func write(to writer: inout NetlinkWriter) {
    Self.write(key, to: &writer)
    writer.attribute(IPVSCode.Service.scheduler, scheduler)
    let flags = schedulerFlags | (persistence == nil ? 0 : Self.persistent)
    writer.attribute(
      IPVSCode.Service.flags, bytes: [flags, ~0].flatMap { number in withUnsafeBytes(of: number) { Array($0) } })
    writer.attribute(IPVSCode.Service.timeout, persistence ?? 0)
    // Of a client's address all bits count: in IPv4 as a mask, in IPv6 as a length.
    writer.attribute(IPVSCode.Service.netmask, key.address.family == .v4 ? UInt32.max : 128)
  }
}

/// A destination (real server) of a virtual service, reached by translation (masquerading, in IPVS's words).
package struct IPVSDestination: Hashable, Sendable {
  package var port: UInt16
  /// 0 takes no new connections.
  package var weight: Int32
  /// Connections there are, as read: established ones, and others.
  package var active: UInt32 = 0
  package var inactive: UInt32 = 0
  /// Connections scheduled so far, as read.
  package var connections: UInt64 = 0
  package var address: IPAddress

  package init(_ address: IPAddress, port: UInt16, weight: Int32 = 1) {
    self.port = port
    self.weight = weight
    self.address = address
  }

  init?(_ attributes: NetlinkAttributes, family: IPFamily) {
    let number = UInt16(family == .v4 ? AF_INET : AF_INET6)
    guard
      let address = attributes[IPVSCode.Destination.address].flatMap({
        IPAddress(padded: $0.value, attributes[IPVSCode.Destination.family]?.number() ?? number)
      }), let port: UInt16 = attributes[IPVSCode.Destination.port]?.bigEndian()
    else { return nil }
    self.port = port
    self.address = address
    weight = attributes[IPVSCode.Destination.weight]?.number() ?? 0
    active = attributes[IPVSCode.Destination.active]?.number() ?? 0
    inactive = attributes[IPVSCode.Destination.inactive]?.number() ?? 0
    connections =
      attributes[IPVSCode.Destination.statistics]?.nested[IPVSCode.Statistics.connections]?.number() ?? 0
  }

  func write(to writer: inout NetlinkWriter) {
    writer.attribute(IPVSCode.Destination.family, UInt16(address.family == .v4 ? AF_INET : AF_INET6))
    writer.attribute(IPVSCode.Destination.address, bytes: address.padded)
    writer.attribute(IPVSCode.Destination.port, bigEndian: port)
    writer.attribute(IPVSCode.Destination.method, IPVSCode.masquerading)
    writer.attribute(IPVSCode.Destination.weight, weight)
    writer.attribute(IPVSCode.Destination.upperThreshold, UInt32(0))
    writer.attribute(IPVSCode.Destination.lowerThreshold, UInt32(0))
  }
}

extension IPAddress {
  /// As union nf_inet_addr: 16 bytes, of which IPv4 has the first four.
  fileprivate var padded: [UInt8] { bytes + [UInt8](repeating: 0, count: 16 - bytes.count) }

  fileprivate init?(padded bytes: some Collection<UInt8>, _ family: UInt16) {
    self.init(bytes: Array(bytes.prefix(family == UInt16(AF_INET) ? 4 : 16)))
  }
}
