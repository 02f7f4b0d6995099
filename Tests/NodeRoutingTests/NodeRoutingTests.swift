import Addressing
import ClusterModel
import NodeRouting
import Testing

/// A node with a pod range and, where it has a MAC, an announcement.
func node(_ name: String, _ range: String?, mac: String? = nil, address: String = "192.168.77.9") -> Node {
  var node = Node(name: name)
  node.podRanges = range.map { [Prefix($0)!] } ?? []
  if let mac {
    node.annotations = VXLANAnnouncement(mac: MACAddress(mac)!, publicAddress: IPAddress(address)!).annotations
  }
  return node
}

@Suite struct VXLANTopologyTests {
  @Test func nodesBecomePeers() {
    let topology = VXLANTopology(
      own: "a",
      nodes: [
        node("a", "10.244.1.0/24", mac: "02:00:00:00:00:01"),
        node("b", "10.244.2.0/24", mac: "02:00:00:00:00:02", address: "192.168.77.12"),
        node("without-range", nil, mac: "02:00:00:00:00:03"), node("silent", "10.244.4.0/24"),
      ])
    #expect(topology.ownRange == Prefix("10.244.1.0/24"))
    #expect(topology.peers.keys.sorted() == ["b"])
    #expect(topology.peers["b"]?.tunnelAddress == IPAddress("10.244.2.0"))
    #expect(topology.peers["b"]?.publicAddress == IPAddress("192.168.77.12"))
    #expect(topology.problems.isEmpty)
  }

  @Test func overlappingRangesHarmOnlyTheLater() {
    let topology = VXLANTopology(
      own: "a",
      nodes: [
        node("c", "10.244.2.0/24", mac: "02:00:00:00:00:03"), node("a", "10.244.1.0/24"),
        node("b", "10.244.2.0/23", mac: "02:00:00:00:00:02"),
      ])
    #expect(topology.peers.keys.sorted() == ["b"])
    #expect(topology.problems.map(\.node) == ["c"])
    #expect(topology.problems.first?.description.contains("10.244.2.0/23 of node b") == true)
  }

  @Test func announcementReadsBackAndFlannelsToo() {
    let announcement = VXLANAnnouncement(
      mac: MACAddress("0a:00:00:00:00:0f")!, publicAddress: IPAddress("10.1.2.3")!, id: 7)
    var peer = Node(name: "x")
    peer.annotations = announcement.annotations
    #expect(VXLANAnnouncement(of: peer) == announcement)
    peer.annotations["flannel.alpha.coreos.com/backend-data"] = #"{ "VtepMAC": "0a:00:00:00:00:0f", "VNI": 7 }"#
    #expect(VXLANAnnouncement(of: peer) == announcement)
    for wrong in ["null", "{}", #"{"VtepMAC":"no"}"#, #"{"VtepMAC"#] {
      peer.annotations["flannel.alpha.coreos.com/backend-data"] = wrong
      #expect(VXLANAnnouncement(of: peer) == nil, "\(wrong)")
    }
  }
}
