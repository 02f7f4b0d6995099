import Addressing
import ClusterModel
import Netlink
import Testing

@testable import ServiceProxy

/// What the kernel's list of connections says of clients that are remembered.
@Suite struct IPVSConnectionsTests {
  private static let heading = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"

  @Test func clientsOfBothFamiliesAreRead() {
    let text =
      Self.heading
      // A connection, and what remembers its client.
      + "TCP 0AF40009 9C4E 0A600001 0050 0AF4000B 1F90 FIN_WAIT        115\n"
      + "TCP 0AF40009 0000 0A600001 0050 0AF4000B 1F90 ASSURED         600\n"
      + "UDP fd00:0244:0000:0000:0000:0000:0000:0009 0000 fd00:0096:0000:0000:0000:0000:0000:0001 0050 "
      + "fd00:0244:0000:0000:0000:0000:0000:000c 1F90 NONE            598\n"
    #expect(
      IPVSConnections.remembered(text) == [
        .init(
          service: .init(IPAddress("10.96.0.1")!, transport: 6, port: 80),
          target: Target(IPAddress("10.244.0.11")!, 8080),
          client: IPAddress("10.244.0.9")!),
        .init(
          service: .init(IPAddress("fd00:96::1")!, transport: 17, port: 80),
          target: Target(IPAddress("fd00:244::c")!, 8080), client: IPAddress("fd00:244::9")!),
      ])
  }

  @Test(arguments: [
    "", heading, "TCP", "TCP 0AF40009 0000 0A600001 0050 0AF4000B",
    "GRE 0AF40009 0000 0A600001 0050 0AF4000B 1F90 NONE 1",
    "TCP 0AF4 0000 0A600001 0050 0AF4000B 1F90 NONE 1", "TCP 0AF40009 0000 0A600001 10050 0AF4000B 1F90 NONE 1",
    "TCP 0AF40009 0000 0A600001 0050 fd00::x 1F90 NONE 1", "TCP 0AF40009 0001 0A600001 0050 0AF4000B 1F90 NONE 1",
  ]) func otherLinesArePassedOver(_ text: String) { #expect(IPVSConnections.remembered(text).isEmpty) }
}
