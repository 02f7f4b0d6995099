import AddressAnnouncement
import Addressing
import Testing

/// Packets as the kernel and its tools write them, and what is no such packet.
@Suite struct PacketTests {
  static func bytes(_ text: String) -> [UInt8] {
    text.split(separator: " ").flatMap { word in
      stride(from: 0, to: word.count, by: 2).map { offset in
        let start = word.index(word.startIndex, offsetBy: offset)
        return UInt8(word[start..<word.index(start, offsetBy: 2)], radix: 16)!
      }
    }
  }

  /// `who has 192.0.2.10, tell 192.0.2.1`.
  static let request = bytes(
    "ffffffffffff 02000000000a 0806 0001 0800 06 04 0001 02000000000a c0000201 000000000000 c000020a")
  /// The kernel's own question for 2001:db8::10 from fe80::a, with its checksum.
  static let solicitation = bytes(
    "3333ff000010 02000000000a 86dd 60000000 0020 3a ff fe80000000000000000000000000000a"
      + " ff0200000000000000000001ff000010 8700 \(checksum) 00000000 20010db8000000000000000000000010 0101 02000000000a"
  )
  /// Computed with Python from the pseudo header and the message.
  static let checksum = "4b31"

  @Test func arp() throws {
    let packet = try #require(ARPPacket(frame: Self.request))
    #expect(packet.operation == .request)
    #expect("\(packet.sender) \(packet.target)" == "192.0.2.1 192.0.2.10")
    #expect(packet.frame(to: ARPPacket.broadcast) == Self.request)
    // Ethernet pads to 60 bytes.
    #expect(ARPPacket(frame: Self.request + Array(repeating: 0, count: 18)) == packet)
    let reply = packet.reply(from: MACAddress("02:00:00:00:00:0b")!)
    #expect(
      reply.frame(to: packet.senderMAC)
        == Self.bytes(
          "02000000000a 02000000000b 0806 0001 0800 06 04 0002 02000000000b c000020a 02000000000a c0000201"))
  }

  @Test func noARP() {
    for length in 0..<42 { #expect(ARPPacket(frame: Self.request[..<length]) == nil) }
    for (index, value) in [(13, 0), (14, 1), (17, 1), (18, 8), (19, 16), (21, 3), (21, 0)] {
      var frame = Self.request
      frame[index] = UInt8(value)
      #expect(ARPPacket(frame: frame) == nil, "byte \(index)")
    }
  }

  @Test func solicitations() throws {
    let asked = NeighborMessage.Solicitation(
      station: MACAddress("02:00:00:00:00:0a")!, source: IPv6Address("fe80::a")!, target: IPv6Address("2001:db8::10")!)
    #expect(asked.frame == Self.solicitation)
    #expect(NeighborMessage.Solicitation(frame: asked.frame) == asked)
    #expect(NeighborMessage.Solicitation(frame: asked.frame + [0, 0]) == asked)
    for length in 0..<asked.frame.count { #expect(NeighborMessage.Solicitation(frame: asked.frame[..<length]) == nil) }
    // Every bit of the message is under the checksum, and the header's fields are checked.
    for index in asked.frame.indices where index >= 54 || [12, 13, 20, 21].contains(index) {
      var frame = asked.frame
      frame[index] ^= 0x10
      #expect(NeighborMessage.Solicitation(frame: frame) == nil, "byte \(index)")
    }
    // A probe for duplicates has no link-layer address.
    let probe = NeighborMessage.Solicitation(
      station: asked.station, source: IPv6Address("::")!, target: asked.target)
    #expect(NeighborMessage.Solicitation(frame: probe.frame) == probe)
    let answer = NeighborMessage.advertisement(answering: probe, at: asked.station)
    #expect(Array(answer[..<6]) == [0x33, 0x33, 0, 0, 0, 1])
    #expect(answer[58] == 0x20)
    #expect(NeighborMessage.advertisement(answering: asked, at: asked.station)[58] == 0x60)
  }

  @Test func anyBytes() {
    for _ in 0..<50_000 {
      var frame = Bool.random() ? Self.request : Self.solicitation
      for _ in 0..<Int.random(in: 1...4) { frame[Int.random(in: frame.indices)] = UInt8.random(in: 0...255) }
      frame = Array(frame.prefix(Int.random(in: 0...frame.count)))
      _ = ARPPacket(frame: frame)
      _ = NeighborMessage.Solicitation(frame: frame)
    }
  }
}
