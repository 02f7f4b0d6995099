package import Addressing

/// An ARP packet for IPv4 over Ethernet (RFC 826), with its Ethernet header.
package struct ARPPacket: Hashable, Sendable {
  package enum Operation: UInt8, Sendable {
    case request = 1
    case reply = 2
  }

  /// EtherType of ARP.
  package static let etherType: UInt16 = 0x0806
  package static let broadcast = MACAddress(rawValue: 0xFFFF_FFFF_FFFF)

  package var operation: Operation
  package var senderMAC: MACAddress
  /// Zero in a probe (RFC 5227).
  package var sender: IPv4Address
  package var targetMAC: MACAddress
  package var target: IPv4Address

  package init(
    _ operation: Operation, senderMAC: MACAddress, sender: IPv4Address, targetMAC: MACAddress, target: IPv4Address
  ) {
    self.operation = operation
    self.senderMAC = senderMAC
    self.sender = sender
    self.targetMAC = targetMAC
    self.target = target
  }

  /// Ethernet, IPv4, address lengths 6 and 4.
  private static let layout: [UInt8] = [0, 1, 8, 0, 6, 4, 0]

  /// Reads an Ethernet frame; nil if it is no such packet or cut short.
  package init?(frame: some RandomAccessCollection<UInt8>) {
    let frame = Array(frame.prefix(42))
    guard frame.count == 42, frame[12] == 8, frame[13] == 6, Array(frame[14..<21]) == Self.layout,
      let operation = Operation(rawValue: frame[21]), let senderMAC = MACAddress(bytes: frame[22..<28]),
      let targetMAC = MACAddress(bytes: frame[32..<38])
    else { return nil }
    func address(_ range: Range<Int>) -> IPv4Address {
      IPv4Address(rawValue: frame[range].reduce(0) { $0 << 8 | UInt32($1) })
    }
    self.init(
      operation, senderMAC: senderMAC, sender: address(28..<32), targetMAC: targetMAC, target: address(38..<42))
  }

  /// The frame from the sender to a station, or to all.
  package func frame(to station: MACAddress) -> [UInt8] {
    station.bytes + senderMAC.bytes + [8, 6] + Self.layout + [operation.rawValue] + senderMAC.bytes + sender.bytes
      + targetMAC.bytes + target.bytes
  }

  /// The answer of a station that has the address asked for.
  package func reply(from mac: MACAddress) -> ARPPacket {
    ARPPacket(.reply, senderMAC: mac, sender: target, targetMAC: senderMAC, target: sender)
  }

  /// What tells everybody that an address is at a station now. Some hosts take only requests to heart, some only replies
  /// (RFC 5227 section 3), so both.
  package static func announcements(of address: IPv4Address, at mac: MACAddress) -> [ARPPacket] {
    [
      ARPPacket(.request, senderMAC: mac, sender: address, targetMAC: MACAddress(rawValue: 0), target: address),
      ARPPacket(.reply, senderMAC: mac, sender: address, targetMAC: broadcast, target: address),
    ]
  }
}
