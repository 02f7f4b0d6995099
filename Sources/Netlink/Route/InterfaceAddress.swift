package import Addressing
internal import CLinux

/// An address of a link.
package struct InterfaceAddress: Hashable, Sendable {
  package var interface: Int32
  package var address: IPAddress
  /// The length of the prefix on the link, 0 to 32 or 128.
  package var prefixLength: Int
  /// RT_SCOPE_…: 0 universe, 253 link, 254 host.
  package var scope: UInt8
  /// IFA_F_…: 0x02 no duplicate address detection, 0x80 permanent, 0x40 tentative.
  package var flags: UInt32
  /// Who gave it (IFAPROT_…), as with routes: 87 Swiftlet; 0 is unknown. Kernels before 5.18 forget it.
  package var protocolNumber: UInt8

  package init(
    interface: Int32, _ address: IPAddress, prefixLength: Int, scope: UInt8 = 0, flags: UInt32 = 0,
    protocolNumber: UInt8 = 0
  ) {
    self.interface = interface
    self.address = address
    self.prefixLength = prefixLength
    self.scope = scope
    self.flags = flags
    self.protocolNumber = protocolNumber
  }

  init?(_ message: NetlinkMessage) {
    guard let header = message.header(ifaddrmsg.self) else { return nil }
    interface = Int32(bitPattern: header.ifa_index)
    prefixLength = Int(header.ifa_prefixlen)
    scope = header.ifa_scope
    flags = UInt32(header.ifa_flags)
    protocolNumber = 0
    var local: IPAddress?
    var address: IPAddress?
    for attribute in message.attributes(after: MemoryLayout<ifaddrmsg>.size) {
      switch attribute.type {
      case Int(IFA_LOCAL): local = attribute.address
      case Int(IFA_ADDRESS): address = attribute.address
      case Int(IFA_PROTO): protocolNumber = attribute.number() ?? 0
      case Int(IFA_FLAGS): flags = attribute.number() ?? flags
      default: break
      }
    }
    // On a point-to-point link IFA_ADDRESS is the other side's.
    guard let own = local ?? address, prefixLength <= own.family.bits else { return nil }
    self.address = own
  }
}

extension RouteSocket {
  /// The addresses of all links or of one, of both families or one.
  package func addresses(interface: Int32? = nil, family: IPFamily? = nil) throws -> [InterfaceAddress] {
    try socket.dump("list addresses", type: UInt16(RTM_GETADDR)) { writer in
      var header = ifaddrmsg()
      header.ifa_family = addressFamily(family)
      header.ifa_index = UInt32(bitPattern: interface ?? 0)
      writer.append(structure: header)
    }
    .compactMap(InterfaceAddress.init)
    .filter { interface == nil || $0.interface == interface }
  }
}

extension RouteRequest {
  /// Gives a link an address. IPv6 ones are usable at once: duplicate address detection, which takes a second or more, is
  /// off, since whoever gives out addresses here sees to it that there are no duplicates.
  package static func addAddress(_ address: InterfaceAddress, existing: ExistingEntry = .isReplaced) -> RouteRequest {
    RouteRequest(
      RTM_NEWADDR, flags: existing.flags,
      "add address \(address.address)/\(address.prefixLength) to link #\(address.interface)"
    ) { address.write(to: &$0, flags: address.flags | (address.address.family == .v6 ? UInt32(IFA_F_NODAD) : 0)) }
  }

  package static func deleteAddress(_ address: InterfaceAddress) -> RouteRequest {
    RouteRequest(
      RTM_DELADDR, "delete address \(address.address)/\(address.prefixLength) of link #\(address.interface)"
    ) { address.write(to: &$0, flags: 0) }
  }
}

extension InterfaceAddress {
  fileprivate func write(to writer: inout NetlinkWriter, flags: UInt32) {
    var header = ifaddrmsg()
    header.ifa_family = addressFamily(address.family)
    header.ifa_prefixlen = UInt8(prefixLength)
    header.ifa_scope = scope
    header.ifa_index = UInt32(bitPattern: interface)
    writer.append(structure: header)
    writer.attribute(Int(IFA_LOCAL), address)
    writer.attribute(Int(IFA_ADDRESS), address)
    if address.family == .v4, prefixLength < 31 {
      writer.attribute(Int(IFA_BROADCAST), Prefix(address, length: prefixLength).last)
    }
    if flags != 0 { writer.attribute(Int(IFA_FLAGS), flags) }
    if protocolNumber != 0 { writer.attribute(Int(IFA_PROTO), protocolNumber) }
  }
}

/// AF_INET, AF_INET6, or AF_UNSPEC for nil.
func addressFamily(_ family: IPFamily?) -> UInt8 {
  switch family {
  case .v4: UInt8(AF_INET)
  case .v6: UInt8(AF_INET6)
  case nil: UInt8(AF_UNSPEC)
  }
}
