package import Addressing
internal import CLinux

/// An entry of a bridge's or a VXLAN link's forwarding database (`bridge fdb`).
package struct ForwardingEntry: Hashable, Sendable {
  package var interface: Int32
  package var mac: MACAddress
  /// Where a VXLAN link sends packets for this address: the node outside the tunnel.
  package var destination: IPAddress?
  /// NUD_…: 0x80 is permanent.
  package var state: UInt16
  /// The entry is the link's own, as a VXLAN link's are, not the bridge's it is a port of.
  package var isSelf: Bool

  package init(
    interface: Int32, _ mac: MACAddress, destination: IPAddress? = nil, state: UInt16 = Neighbour.permanent,
    isSelf: Bool = true
  ) {
    self.interface = interface
    self.mac = mac
    self.destination = destination
    self.state = state
    self.isSelf = isSelf
  }

  init?(_ message: NetlinkMessage) {
    guard let header = message.header(ndmsg.self), CInt(header.ndm_family) == AF_BRIDGE else { return nil }
    let attributes = message.attributes(after: MemoryLayout<ndmsg>.size)
    guard let mac = attributes[Int(NDA_LLADDR)]?.macAddress else { return nil }
    interface = header.ndm_ifindex
    self.mac = mac
    destination = attributes[Int(NDA_DST)]?.address
    state = header.ndm_state
    isSelf = header.ndm_flags & UInt8(NTF_SELF) != 0
  }
}

extension RouteSocket {
  /// The forwarding entries of one link.
  package func forwardingEntries(interface: Int32) throws -> [ForwardingEntry] {
    try socket.dump("list forwarding entries", type: UInt16(RTM_GETNEIGH)) { writer in
      var header = ndmsg()
      header.ndm_family = UInt8(AF_BRIDGE)
      header.ndm_ifindex = interface
      writer.append(structure: header)
    }
    .compactMap(ForwardingEntry.init)
    .filter { $0.interface == interface }
  }
}

extension RouteRequest {
  /// Enters where an Ethernet address is, in place of what is known of it.
  package static func setForwardingEntry(_ entry: ForwardingEntry) -> RouteRequest {
    RouteRequest(
      RTM_NEWNEIGH, flags: ExistingEntry.isReplaced.flags,
      "set forwarding entry \(entry.mac) on link #\(entry.interface)"
    ) { entry.write(to: &$0) }
  }

  package static func deleteForwardingEntry(_ entry: ForwardingEntry) -> RouteRequest {
    RouteRequest(RTM_DELNEIGH, "delete forwarding entry \(entry.mac) on link #\(entry.interface)") {
      entry.write(to: &$0)
    }
  }
}

extension ForwardingEntry {
  fileprivate func write(to writer: inout NetlinkWriter) {
    var header = ndmsg()
    header.ndm_family = UInt8(AF_BRIDGE)
    header.ndm_ifindex = interface
    header.ndm_state = state
    header.ndm_flags = UInt8(isSelf ? NTF_SELF : NTF_MASTER)
    writer.append(structure: header)
    writer.attribute(Int(NDA_LLADDR), mac)
    if let destination { writer.attribute(Int(NDA_DST), destination) }
  }
}
