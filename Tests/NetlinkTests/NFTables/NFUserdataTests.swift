import Addressing
import Netlink
import Testing

@Suite struct NFUserdataTests {
  static let slots = NFSet(
    "slots4", typeof: [.destination(.v4), .l4Protocol, .destinationPort, .random(modulus: 4)],
    data: [.destination(.v4), .destinationPort])

  /// The bytes nft 1.0.6 writes for
  /// `typeof ip daddr . meta l4proto . th dport . numgen random mod 4 : ip daddr . th dport`.
  @Test func numgenMapIsByteForByteAsNftWritesIt() {
    let expected =
      "000400000000" + "010400000000" + "0360" + "00040d000000" + "0158"
      + "0014" + "000407000000" + "010c" + "00040c000000" + "01040c000000"
      + "010e" + "000409000000" + "0106" + "000410000000"
      + "0214" + "000407000000" + "010c" + "00040b000000" + "010402000000"
      + "031a" + "000417000000" + "0112" + "000401000000" + "010404000000" + "020400000000"
      + "0434" + "00040d000000" + "012c"
      + "0014" + "000407000000" + "010c" + "00040c000000" + "01040c000000"
      + "0114" + "000407000000" + "010c" + "00040b000000" + "010402000000"
      + "060400000000"
    #expect(hex(Self.slots.userdata) == expected)
  }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
