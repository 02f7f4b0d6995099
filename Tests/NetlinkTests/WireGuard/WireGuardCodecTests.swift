import Addressing
import Testing

@testable import Netlink

@Suite struct WireGuardCodecTests {
  private func key(_ number: Int) -> WireGuardPublicKey {
    WireGuardPublicKey([UInt8(number & 255), UInt8(number >> 8), 1] + [UInt8](repeating: 7, count: 29))!
  }

  /// Messages as the kernel sends them in a dump, with these attributes.
  private func device(_ messages: [[UInt8]]) -> WireGuardDevice? {
    WireGuardDevice(
      messages.map { attributes in
        NetlinkMessage(type: 30, flags: 2, sequence: 1, port: 0, payload: [0, 1, 0, 0] + attributes)
      })
  }

  /// What is asked for reads back from the same attributes in a dump.
  @Test func aPeerReadsBack() throws {
    let endpoints = [AddressAndPort(IPAddress("192.0.2.7")!, 51820), AddressAndPort(IPAddress("2001:db8::7")!, 1)]
    let allowed = [Prefix("10.244.7.0/24")!, Prefix("fd00:7::/64")!, Prefix("0.0.0.0/0")!]
    var change = WireGuardChange(privateKey: WireGuardPrivateKey([UInt8](repeating: 3, count: 32)), port: 51821)
    change.peers = endpoints.enumerated().map {
      .init(key($0.offset), endpoint: $0.element, keepalive: 25, allowed: $0.offset == 0 ? allowed : [])
    }
    let read = try #require(device(change.messages(to: 9)))
    #expect(read.interface == 9)
    #expect(read.port == 51821)
    #expect(read.privateKey == change.privateKey)
    #expect(read.peers.map(\.publicKey) == [key(0), key(1)])
    #expect(read.peers.map(\.endpoint) == endpoints)
    #expect(read.peers[0].allowed == allowed)
    #expect(read.peers[0].keepalive == 25)
  }

  /// By hand from linux/wireguard.h: lengths and types of the nested attributes.
  @Test func bytesOfAChange() {
    let change = WireGuardChange(peers: [.init(key(1), .remove)])
    var expected: [UInt8] = [8, 0, 1, 0, 5, 0, 0, 0]  // interface
    expected += [52, 0, 8, 128, 48, 0, 0, 128]  // peers, one of them
    expected += [36, 0, 1, 0] + key(1).bytes
    expected += [8, 0, 3, 0, 1, 0, 0, 0]  // remove it
    #expect(change.messages(to: 5) == [expected])
  }

  /// Lengths have 16 bits: many peers, and one with many prefixes, take several messages, none of which is lost.
  @Test(arguments: [(1, 0), (1, 5000), (3000, 2), (40, 600)])
  func largeChangesAreSplit(peers: Int, prefixes: Int) throws {
    let allowed = (0..<prefixes).map { Prefix(IPAddress(.v4, number: UInt128($0) << 8), length: 24) }
    let change = WireGuardChange(port: 7, peers: (0..<peers).map { .init(key($0), allowed: allowed) })
    let messages = change.messages(to: 1)
    #expect(messages.allSatisfy { $0.count < 65_000 })
    let read = try #require(device(messages))
    #expect(read.peers.count == peers)
    #expect(read.peers.allSatisfy { $0.allowed == allowed })
    // Only the first part of a peer replaces what it had.
    let entries = messages.flatMap { message in
      (NetlinkAttributes(message[...])[8]?.nested).map(Array.init) ?? []
    }
    let replacing = entries.filter { $0.nested[3]?.number(UInt32.self) == 2 }
    #expect(replacing.count == peers)
    #expect(messages.filter { NetlinkAttributes($0[...])[6] != nil }.count == 1)
  }

  @Test func keysAreWhole() {
    #expect(WireGuardPublicKey([UInt8](repeating: 0, count: 32)) == nil)
    #expect(WireGuardPublicKey([UInt8](repeating: 1, count: 31)) == nil)
    let one = WireGuardPrivateKey.random()
    let other = WireGuardPrivateKey.random()
    #expect(one != other)
    for key in [one, other] {
      #expect(key.bytes.count == 32)
      #expect(key.bytes[0] & 7 == 0)
      #expect(key.bytes[31] & 192 == 64)
      #expect("\(key)" == "(private key)")
    }
  }

  /// What the kernel would never send must not bring the program down.
  @Test func oddAttributes() {
    var generator = SystemRandomNumberGenerator()
    for type in 0..<12 {
      for inner in 0..<12 {
        for length in [0, 1, 3, 4, 7, 16, 27, 28, 32] {
          var writer = NetlinkWriter()
          writer.attribute(1, UInt32(3))
          writer.attribute(type, bytes: [UInt8](repeating: 200, count: length))
          writer.nested(8) { writer in
            writer.nested(0) { writer in
              writer.attribute(1, bytes: key(1).bytes)
              writer.attribute(inner, bytes: (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
              writer.nested(9) { writer in
                writer.nested(0) { $0.attribute(inner, bytes: [UInt8](repeating: 200, count: length)) }
              }
            }
          }
          _ = device([writer.bytes, Array(writer.bytes.dropLast(3))])
        }
      }
    }
    #expect(device([]) == nil)
    #expect(device([[]]) == nil)
  }
}
