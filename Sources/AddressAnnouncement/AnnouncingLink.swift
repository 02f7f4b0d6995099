internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

/// The sockets with which one Ethernet link answers for addresses. Used by one thread.
final class AnnouncingLink {
  let index: Int32
  let mac: MACAddress
  private let arp: Linux.FileDescriptor
  private let neighbours: Linux.FileDescriptor
  /// Holds the memberships of multicast groups.
  private let groups: Linux.FileDescriptor
  private var joined: [IPv6Address: Int] = [:]

  init(index: Int32, mac: MACAddress, namespace: NetworkNamespace?) throws {
    self.index = index
    self.mac = mac
    func socket(_ domain: CInt, _ type: CInt) throws(SystemError) -> Linux.FileDescriptor {
      let type = type | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
      if let namespace { return try namespace.socket(domain, type) }
      return try FileDescriptor.socket(domain, type)
    }
    // Protocol 0 until bound, so that no frame of another link comes in between.
    arp = try socket(AF_PACKET, CInt(SOCK_RAW.rawValue))
    neighbours = try socket(AF_PACKET, CInt(SOCK_RAW.rawValue))
    groups = try socket(AF_INET6, CInt(SOCK_DGRAM.rawValue))
    try Self.check("filter neighbour solicitations", swiftlet_filter_solicitations(neighbours.raw))
    try Self.check("bind for ARP", swiftlet_bind_packet(arp.raw, index, ARPPacket.etherType))
    try Self.check("bind for IPv6", swiftlet_bind_packet(neighbours.raw, index, NeighborMessage.etherType))
  }

  private static func check(_ what: String, _ result: CInt) throws(SystemError) {
    if result < 0 { throw SystemError(what, code: -result) }
  }

  /// Readable when somebody asks.
  var descriptors: [CInt] { [arp.raw, neighbours.raw] }

  /// Hears questions about an address from now on.
  func join(_ address: IPAddress) throws(SystemError) {
    guard case .v6(let address) = address else { return }
    let group = NeighborMessage.solicitedNode(address)
    joined[group, default: 0] += 1
    if joined[group] == 1 { try Self.check("join \(group)", swiftlet_join_group(groups.raw, index, group.bytes)) }
  }

  func leave(_ address: IPAddress) {
    guard case .v6(let address) = address else { return }
    let group = NeighborMessage.solicitedNode(address)
    joined[group, default: 1] -= 1
    guard joined[group] == 0 else { return }
    joined[group] = nil
    _ = swiftlet_leave_group(groups.raw, index, group.bytes)
  }

  /// Answers what waits about addresses that are ours.
  func answer(_ isOurs: (IPAddress) -> Bool) {
    while let frame = receive(arp.raw) {
      guard let packet = ARPPacket(frame: frame), packet.operation == .request, isOurs(.v4(packet.target)),
        packet.sender != packet.target
      else { continue }
      send(arp.raw, packet.reply(from: mac).frame(to: packet.senderMAC))
    }
    while let frame = receive(neighbours.raw) {
      guard let question = NeighborMessage.Solicitation(frame: frame), isOurs(.v6(question.target)) else { continue }
      send(neighbours.raw, NeighborMessage.advertisement(answering: question, at: mac))
    }
  }

  /// Tells everybody that an address is here.
  func announce(_ address: IPAddress) {
    switch address {
    case .v4(let address):
      for packet in ARPPacket.announcements(of: address, at: mac) {
        send(arp.raw, packet.frame(to: ARPPacket.broadcast))
      }
    case .v6(let address): send(neighbours.raw, NeighborMessage.announcement(of: address, at: mac))
    }
  }

  private func receive(_ socket: CInt) -> ArraySlice<UInt8>? {
    var buffer = [UInt8](repeating: 0, count: 2048)
    let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
    return count > 0 ? buffer[..<count] : nil
  }

  /// What is lost is asked for again, or told again.
  private func send(_ socket: CInt, _ frame: [UInt8]) {
    _ = frame.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, 0) }
  }
}
