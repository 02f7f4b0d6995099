package import Addressing
internal import CLinux

/// An entry of the neighbour table (ARP, IPv6 neighbour discovery).
package struct Neighbour: Hashable, Sendable {
  package var interface: Int32
  package var address: IPAddress
  /// nil while it is not resolved.
  package var mac: MACAddress?
  /// NUD_…: 0x80 is permanent.
  package var state: UInt16

  package static let permanent: UInt16 = 0x80

  package init(interface: Int32, _ address: IPAddress, mac: MACAddress?, state: UInt16 = Self.permanent) {
    self.interface = interface
    self.address = address
    self.mac = mac
    self.state = state
  }

  init?(_ message: NetlinkMessage) {
    guard let header = message.header(ndmsg.self), CInt(header.ndm_family) != AF_BRIDGE else { return nil }
    let attributes = message.attributes(after: MemoryLayout<ndmsg>.size)
    guard let address = attributes[Int(NDA_DST)]?.address else { return nil }
    interface = header.ndm_ifindex
    self.address = address
    mac = attributes[Int(NDA_LLADDR)]?.macAddress
    state = header.ndm_state
  }
}

extension RouteSocket {
  /// The neighbours on all links or on one, of both families or one.
  package func neighbours(interface: Int32? = nil, family: IPFamily? = nil) throws -> [Neighbour] {
    try socket.dump("list neighbours", type: UInt16(RTM_GETNEIGH)) { writer in
      var header = ndmsg()
      header.ndm_family = addressFamily(family)
      writer.append(structure: header)
      if let interface { writer.attribute(Int(NDA_IFINDEX), interface) }
    }
    .compactMap(Neighbour.init)
    .filter { interface == nil || $0.interface == interface }
  }
}

extension RouteRequest {
  /// Enters a neighbour, in place of whatever is known of this address.
  package static func setNeighbour(_ neighbour: Neighbour) -> RouteRequest {
    RouteRequest(
      RTM_NEWNEIGH, flags: ExistingEntry.isReplaced.flags,
      "set neighbour \(neighbour.address) on link #\(neighbour.interface)"
    ) { neighbour.write(to: &$0) }
  }

  package static func deleteNeighbour(_ neighbour: Neighbour) -> RouteRequest {
    RouteRequest(RTM_DELNEIGH, "delete neighbour \(neighbour.address) on link #\(neighbour.interface)") {
      neighbour.write(to: &$0)
    }
  }
}

extension Neighbour {
  fileprivate func write(to writer: inout NetlinkWriter) {
    var header = ndmsg()
    header.ndm_family = addressFamily(address.family)
    header.ndm_ifindex = interface
    header.ndm_state = state
    writer.append(structure: header)
    writer.attribute(Int(NDA_DST), address)
    if let mac { writer.attribute(Int(NDA_LLADDR), mac) }
  }
}
