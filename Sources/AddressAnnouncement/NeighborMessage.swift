package import Addressing

/// Neighbour solicitations and advertisements of IPv6 (RFC 4861 sections 4.3 and 4.4) with their Ethernet and IPv6 headers.
package enum NeighborMessage {
  /// EtherType of IPv6.
  package static let etherType: UInt16 = 0x86DD
  private static let solicitationType: UInt8 = 135
  private static let advertisementType: UInt8 = 136
  private static let allNodes = IPv6Address("ff02::1")!

  /// Somebody asks who has an address.
  package struct Solicitation: Hashable, Sendable {
    package var station: MACAddress
    /// Unspecified where the asker looks for duplicates of an address it wants (RFC 4862).
    package var source: IPv6Address
    package var target: IPv6Address

    package init(station: MACAddress, source: IPv6Address, target: IPv6Address) {
      self.station = station
      self.source = source
      self.target = target
    }

    /// Reads an Ethernet frame; nil for what is no valid solicitation (RFC 4861 section 7.1.1).
    package init?(frame: some RandomAccessCollection<UInt8>) {
      let frame = Array(frame)
      guard frame.count >= 14 + 40 + 24, frame[12] == 0x86, frame[13] == 0xDD, frame[14] >> 4 == 6, frame[20] == 58,
        frame[21] == 255, let station = MACAddress(bytes: frame[6..<12])
      else { return nil }
      let length = Int(frame[18]) << 8 | Int(frame[19])
      guard length >= 24, frame.count >= 54 + length else { return nil }
      let message = Array(frame[54..<(54 + length)])
      func address(_ bytes: ArraySlice<UInt8>) -> IPv6Address {
        IPv6Address(rawValue: bytes.reduce(0) { $0 << 8 | UInt128($1) })
      }
      let source = address(frame[22..<38])
      let target = address(message[8..<24])
      guard message[0] == NeighborMessage.solicitationType, message[1] == 0, target.rawValue >> 120 != 0xFF,
        NeighborMessage.checksum(message, from: source, to: address(frame[38..<54])) == 0
      else { return nil }
      self.init(station: station, source: source, target: target)
    }

    /// The frame that asks, from the station to the target's solicited-node group.
    package var frame: [UInt8] {
      let group = NeighborMessage.solicitedNode(target)
      let option: [UInt8] = source.rawValue == 0 ? [] : [1, 1] + station.bytes
      return NeighborMessage.frame(
        [NeighborMessage.solicitationType, 0, 0, 0, 0, 0, 0, 0] + target.bytes + option, from: station,
        to: NeighborMessage.multicastMAC(group), source: source, destination: group)
    }
  }

  /// The group that is asked about an address (RFC 4291 section 2.7.1).
  package static func solicitedNode(_ address: IPv6Address) -> IPv6Address {
    IPv6Address(rawValue: IPv6Address("ff02::1:ff00:0")!.rawValue | address.rawValue & 0xFF_FFFF)
  }

  /// RFC 2464 section 7.
  package static func multicastMAC(_ group: IPv6Address) -> MACAddress {
    MACAddress(rawValue: 0x3333_0000_0000 | UInt64(truncatingIfNeeded: group.rawValue & 0xFFFF_FFFF))
  }

  /// The answer to a solicitation: its target is at this station, which overrides what the asker believed.
  package static func advertisement(answering question: Solicitation, at mac: MACAddress) -> [UInt8] {
    let isProbe = question.source.rawValue == 0
    return advertisement(
      of: question.target, at: mac, to: isProbe ? allNodes : question.source,
      station: isProbe ? multicastMAC(allNodes) : question.station, isSolicited: !isProbe)
  }

  /// What tells everybody that an address is at a station now (RFC 4861 section 7.2.6).
  package static func announcement(of address: IPv6Address, at mac: MACAddress) -> [UInt8] {
    advertisement(of: address, at: mac, to: allNodes, station: multicastMAC(allNodes), isSolicited: false)
  }

  private static func advertisement(
    of target: IPv6Address, at mac: MACAddress, to destination: IPv6Address, station: MACAddress, isSolicited: Bool
  ) -> [UInt8] {
    let flags: UInt8 = 0x20 | (isSolicited ? 0x40 : 0)
    // The source is the address itself: the station has no need for another on this link.
    return frame(
      [advertisementType, 0, 0, 0, flags, 0, 0, 0] + target.bytes + [2, 1] + mac.bytes, from: mac, to: station,
      source: target, destination: destination)
  }

  private static func frame(
    _ message: [UInt8], from mac: MACAddress, to station: MACAddress, source: IPv6Address, destination: IPv6Address
  ) -> [UInt8] {
    var message = message
    let sum = checksum(message, from: source, to: destination)
    message[2] = UInt8(sum >> 8)
    message[3] = UInt8(sum & 0xFF)
    let length = UInt16(message.count)
    return station.bytes + mac.bytes + [0x86, 0xDD, 0x60, 0, 0, 0, UInt8(length >> 8), UInt8(length & 0xFF), 58, 255]
      + source.bytes + destination.bytes + message
  }

  /// The ICMPv6 checksum (RFC 4443 section 2.3); 0 over a message that holds its right one.
  private static func checksum(_ message: [UInt8], from source: IPv6Address, to destination: IPv6Address) -> UInt16 {
    var bytes = source.bytes + destination.bytes
    bytes += [0, 0, UInt8(message.count >> 8), UInt8(message.count & 0xFF), 0, 0, 0, 58]
    bytes += message
    if bytes.count % 2 == 1 { bytes.append(0) }
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) { sum += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]) }
    while sum >> 16 != 0 { sum = sum & 0xFFFF + sum >> 16 }
    return ~UInt16(sum)
  }
}
