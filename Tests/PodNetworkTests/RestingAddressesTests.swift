import Addressing
import Testing

@testable import PodNetwork

@Suite struct RestingAddressesTests {
  private let boot = BootIdentity(id: "aaaaaaaa-1", startedAt: 0)
  private func address(_ number: Int) -> IPAddress { IPAddress(.v4, number: 0x0A00_0000 + UInt128(number)) }

  @Test func theOldestComesFirstAndTimeEndsIt() {
    var resting = RestingAddresses("", boot: boot, now: 100)
    resting.add([address(2), IPAddress("fd00::2")!, address(3)])
    #expect(resting.text == "aaaaaaaa 10.0.0.2@100 fd00::2@100 10.0.0.3@100")
    var later = RestingAddresses(resting.text, boot: boot, now: 130)
    later.add([address(2)])
    #expect(later.text == "aaaaaaaa fd00::2@100 10.0.0.3@100 10.0.0.2@130")
    #expect(later.position(of: address(3)) == 1 && later.position(of: address(9)) == nil)
    #expect(RestingAddresses(later.text, boot: boot, now: 159).position(of: address(3)) == 1)
    #expect(RestingAddresses(later.text, boot: boot, now: 160).text == "aaaaaaaa 10.0.0.2@130")
  }

  @Test func whatIsNotOursOrTornCountsForNothing() {
    for text in ["", "bbbbbbbb 10.0.0.2@100", "aaaaaaaa 10.0.0.2@ 10.0@100 @ 10.0.0.2@1e2 10.0.0.2@200"] {
      #expect(RestingAddresses(text, boot: boot, now: 100).text == "aaaaaaaa")
    }
  }

  @Test func onlySoManyAreRemembered() {
    var resting = RestingAddresses("", boot: boot, now: 100)
    resting.add((0..<200).map(address))
    #expect(resting.position(of: address(135)) == nil && resting.position(of: address(136)) == 0)
    #expect(resting.position(of: address(199)) == 63)
  }
}
