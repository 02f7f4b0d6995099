import Addressing
import NodeRouting
import Testing

@Suite struct BIRDTests {
  private func text(_ speaker: BGPSpeaker) -> String { BIRDConfiguration(speaker, log: "/x/bird.log").text }

  @Test func aNodeAnnouncesItsRangesWholeAndBelievesPodsOnly() {
    let text = text(bgpSpeaker(bgpNode(1), [bgpNode(2)]))
    for expected in [
      "router id 192.168.77.11;", "protocol static pods4 {\n  ipv4;\n  route 10.244.1.0/24 blackhole;\n}",
      "route fd00:10:244:1::/64 blackhole;", "export where proto = \"pods4\";",
      "import where net ~ [ 10.244.0.0/16+ ];", "krt_prefsrc = 192.168.77.11; accept;", "metric 87;",
      "local 192.168.77.11 port 179 as 64512;", "neighbor fd77::12 port 179 as 64512;",
    ] {
      #expect(text.contains(expected), "\(expected) is missing in:\n\(text)")
    }
    #expect(!text.contains("password") && !text.contains("rr client"))
  }

  @Test func theFingerprintFollowsTheContent() {
    let one = BIRDConfiguration(bgpSpeaker(bgpNode(1), [bgpNode(2), bgpNode(3)]), log: "/l")
    let same = BIRDConfiguration(bgpSpeaker(bgpNode(1), [bgpNode(3), bgpNode(2)]), log: "/l")
    let other = BIRDConfiguration(bgpSpeaker(bgpNode(1), [bgpNode(2)]), log: "/l")
    #expect(one.fingerprint == same.fingerprint && one.text == same.text)
    #expect(one.fingerprint != other.fingerprint)
    #expect(one.text.contains(one.fingerprint))
  }

  @Test func whatIsAnnouncedOutsideIsWhatWasChosen() {
    var configuration = BGPConfiguration()
    var peer = BGPPeer(name: "tor", address: IPAddress("192.168.77.1")!, asNumber: ASNumber(65000)!)
    peer.password = BGPPassword("hunter2")
    peer.accept = [Prefix("0.0.0.0/0")!]
    configuration.peers = [peer]
    configuration.advertise = [.pods, .clusterRange, .loadBalancers]
    configuration.communities = [.standard(64512, 100), .large(64512, 1, 2)]
    var services = BGPServiceAddresses()
    services.loadBalancers = [IPAddress("203.0.113.1")!]
    let text = text(bgpSpeaker(bgpNode(1), [], configuration, services: services))
    for expected in [
      "protocol static services4 {\n  ipv4;\n  route 10.96.0.0/16 blackhole;\n}",
      "protocol static balancers4 {\n  ipv4;\n  route 203.0.113.1/32 blackhole;\n}", "password \"hunter2\";",
      "if !(proto = \"services4\" || proto = \"balancers4\" || proto = \"pods4\") then reject; "
        + "bgp_community.add((64512, 100)); bgp_large_community.add((64512, 1, 2)); accept;",
      "if net ~ [ 10.96.0.0/16+, 10.244.1.0/24+ ] then reject; if !(net ~ [ 0.0.0.0/0+ ]) then reject; accept;",
    ] {
      #expect(text.contains(expected), "\(expected) is missing in:\n\(text)")
    }
  }

  @Test func repliesComeInPieces() throws {
    let bytes = Array("0001 BIRD 2.0.12 ready.\n2002-Name\n1002-a BGP\n b\n+log\n0000 \n8002 /x:1:1 bad\n".utf8)
    for size in [1, 3, 7, bytes.count] {
      var reader = BIRDReplyReader()
      var replies: [BIRDReply] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        replies += try reader.append(bytes[start..<min(start + size, bytes.count)])
      }
      #expect(replies.map(\.code) == [1, 0, 8002])
      #expect(replies[1].lines.map(\.code) == [2002, 1002, 1002, 0])
      #expect(replies[1].lines[2].text == "b")
      #expect(replies[2].isFailure && replies[2].message == "/x:1:1 bad")
    }
  }

  @Test(arguments: ["hello\n", " first\n", "12 x\n", "0001?x\n", "\n", String(repeating: "x", count: 70000)])
  func whatIsNoReplyIsRefused(text: String) {
    var reader = BIRDReplyReader()
    #expect(throws: BIRDReplyReader.Malformed.self) { try reader.append(Array(text.utf8)) }
  }

  @Test func sessionsAreReadFromWhatBIRDShows() throws {
    var reader = BIRDReplyReader()
    let reply = try #require(
      try reader.append(
        Array(
          """
          2002-Name       Proto      Table      State  Since         Info
          1002-devices    Device     ---        up     2026-01-02 02:50:52.123
          1006-  Description:    swiftlet-12
           \n\
          1002-node.n2.v4 BGP        ---        up     2026-01-02 02:50:53.001  Established
          1006-  BGP state:          Established
               Neighbor AS:      64512
               Local capabilities
                 Multiprotocol
             Channel ipv4
               State:          UP
               Routes:         3 imported, 2 filtered, 1 exported, 3 preferred
               Route change stats:     received   rejected   filtered    ignored   accepted
           \n\
          1002-peer.tor.v4 BGP        ---        start  2026-01-02 02:50:53.001  Active        Socket: Connection refused
          1006-  BGP state:          Active
               Last error:       Socket: Connection refused
             Channel ipv4
               State:          DOWN
             Channel ipv6
               State:          DOWN
          0000 \n
          """.utf8)
      ).first)
    let found = BIRDProtocol.all(in: reply)
    #expect(found.map(\.name) == ["devices", "node.n2.v4", "peer.tor.v4"])
    #expect(found[0].details["Description"] == "swiftlet-12")
    #expect(found[1].sessionState == "Established" && found[1].channels.count == 1)
    #expect(found[1].channels[0].imported == 3 && found[1].channels[0].exported == 1)
    #expect(found[1].since == "2026-01-02 02:50:53.001")
    #expect(found[2].sessionState == "Active" && found[2].channels.map(\.name) == ["ipv4", "ipv6"])
    #expect(found[2].details["Last error"] == "Socket: Connection refused")
  }

  @Test func signatureFailuresAreCounted() {
    let before = SignatureFailures(
      netstat: "TcpExt: A TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure\nTcpExt: 9 1 2 3\n")
    #expect(before.wrong == 3 && before.missing == 1 && before.unexpected == 2)
    #expect(SignatureFailures(netstat: "TcpExt: A\nIpExt: B\n") == SignatureFailures())
    #expect(before.since(before) == SignatureFailures())
  }
}
