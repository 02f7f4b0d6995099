import Addressing
import Netlink
import Testing

@testable import PodNetwork

@Suite struct HostPortTests {
  static let owner = HostPortOwner(
    network: "net", .init(containerID: String(repeating: "a", count: 64), interfaceName: "eth0"), pod: "default/web")

  @Test func entriesComeBackFromTheirElements() throws {
    let mappings = [
      PortMapping(.tcp, hostPort: 8080, containerPort: 80), PortMapping(.udp, hostPort: 53, containerPort: 5353),
      PortMapping(.sctp, hostPort: 65535, containerPort: 1, hostAddress: IPAddress("192.0.2.1")!),
      PortMapping(.tcp, hostPort: 443, containerPort: 8443, hostAddress: IPAddress("2001:db8::1")!),
      PortMapping(.tcp, hostPort: 81, containerPort: 80, hostAddress: IPAddress("0.0.0.0")!),
    ]
    let addresses = [IPAddress("10.244.1.2")!, IPAddress("fd00::2")!]
    let entries = try HostPortEntry.compile(mappings, addresses: addresses, owner: Self.owner)
    #expect(
      entries.map { "\($0.described) \($0.podAddress)" } == [
        "8080/tcp 10.244.1.2", "8080/tcp fd00::2", "53/udp 10.244.1.2", "53/udp fd00::2",
        "192.0.2.1:65535/sctp 10.244.1.2",
        "[2001:db8::1]:443/tcp fd00::2", "81/tcp 10.244.1.2",
      ])
    for entry in entries {
      let kind: HostPortsLayout.SetKind = entry.hostAddress == nil ? .ports : .addressed
      let (set, element) = entry.elements[0]
      #expect(set == HostPortsLayout.name(kind, entry.family))
      #expect(HostPortEntry(element, kind, entry.family) == entry)
    }
  }

  @Test func aMappingOfAnotherFamilyIsAnError() {
    let mapping = PortMapping(.tcp, hostPort: 80, containerPort: 80, hostAddress: IPAddress("2001:db8::1")!)
    let error = #expect(throws: CNIError.self) {
      _ = try HostPortEntry.compile([mapping], addresses: [IPAddress("10.244.1.2")!], owner: Self.owner)
    }
    #expect(error?.code == .invalidConfiguration && error?.message.contains("IPv6") == true)
  }

  static let claims: [(String?, String?, same: Bool)] = [
    (nil, nil, true), (nil, "192.0.2.1", true), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
    ("0.0.0.0", "192.0.2.1", true), ("0.0.0.0", "::", false), ("::", "2001:db8::1", true), (nil, "::", true),
  ]

  @Test(arguments: claims.indices)
  func portsThatCannotBeHadAtOnce(index: Int) {
    let test = Self.claims[index]
    func mapping(_ address: String?) -> PortMapping {
      PortMapping(.tcp, hostPort: 80, containerPort: 80, hostAddress: address.flatMap { IPAddress($0) })
    }
    #expect(mapping(test.0).claims(theSameAs: mapping(test.1)) == test.same)
    #expect(mapping(test.1).claims(theSameAs: mapping(test.0)) == test.same)
    #expect(!mapping(test.0).claims(theSameAs: PortMapping(.udp, hostPort: 80, containerPort: 80)))
    #expect(!mapping(test.0).claims(theSameAs: PortMapping(.tcp, hostPort: 81, containerPort: 80)))
  }

  @Test func ownersFitAComment() throws {
    let long = HostPortOwner(
      network: String(repeating: "n", count: 200),
      .init(containerID: String(repeating: "c", count: 300), interfaceName: "fifteen-letters"),
      pod: String(repeating: "p", count: 200))
    #expect(long.comment.utf8.count <= 127)
    let read = try #require(HostPortOwner(comment: long.comment))
    #expect(read.isSame(as: long))
    #expect(HostPortOwner(comment: Self.owner.comment) == Self.owner)
    #expect(HostPortOwner(comment: "somebody else") == nil)
    let other = HostPortOwner(network: "net", .init(containerID: "b", interfaceName: "eth0"))
    #expect(!other.isSame(as: Self.owner))
  }

  @Test func listenersAreToldFromClients() {
    let entry = HostPortEntry(
      transport: .tcp, hostPort: 80, containerPort: 80, podAddress: IPAddress("10.244.1.2")!, owner: Self.owner)
    var datagram = entry
    datagram.transport = .udp
    let cases: [(HostPortEntry, String, Bool)] = [
      (entry, "   0: 00000000:0050 00000000:0000 0A 00000000:00000000", true),
      (entry, "   1: 0100007F:0050 0100007F:1234 01 00000000:00000000", false),
      (entry, "   2: 00000000:0051 00000000:0000 0A 00000000:00000000", false),
      (entry, "  10: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0", true),
      (datagram, " 11: 00000000:0050 00000000:0000 07 00000000:00000000", true),
      (datagram, " 12: 0100007F:0050 0100007F:0035 01 00000000:00000000", false), (entry, "", false),
    ]
    for (entry, line, expected) in cases {
      #expect(HostPortListeners.isServed(entry, line: Array(line.utf8)) == expected, "\(line)")
    }
  }
}
