import Addressing
import ClusterModel
import JSON
import Netlink
import NodeRouting
import Testing

/// A backend that writes down what it is asked.
private final class Recorder: RoutingBackend {
  let modes: Set<RoutingMode>
  let name: String
  let journal: Journal
  var carried = true
  var peers: Set<String> = []

  final class Journal { var lines: [String] = [] }

  init(_ name: String, _ modes: Set<RoutingMode>, _ journal: Journal) {
    (self.name, self.modes, self.journal) = (name, modes, journal)
  }

  func prepare(_ own: RoutePeer) throws -> Int { 0 }
  var announcement: [String: String] { [name: "yes"] }
  func podMTU() throws -> Int { name == "kernel" ? 1450 : 1420 }

  func synchronize(_ peers: [RoutePeer], keeping: [RoutePeer]) throws -> Int {
    self.peers = Set(peers.map(\.node))
    var line = "\(name) has \(peers.map(\.node).sorted())"
    if !keeping.isEmpty { line += " keeps \(keeping.map(\.node).sorted())" }
    journal.lines.append(line)
    return 0
  }

  func apply(_ changes: [RoutePeerChange]) throws -> Int {
    for change in changes {
      switch change {
      case .set(let peer):
        peers.insert(peer.node)
        journal.lines.append("\(name) gets \(peer.node) as \(peer.mode?.rawValue ?? "-")")
      case .removed(let node):
        peers.remove(node)
        journal.lines.append("\(name) loses \(node)")
      case .left(let node):
        peers.remove(node)
        journal.lines.append("\(name) hands over \(node)")
      }
    }
    return changes.count
  }

  func carries(_ peer: RoutePeer) -> Bool { carried }

  func remove() throws -> Int {
    journal.lines.append("\(name) is removed")
    return 0
  }

  var status: JSON { [:] }
}

/// Which backend carries which peer, and in what order it is handed over.
@Suite struct NodeRouterTests {
  private let journal = Recorder.Journal()
  private let tunnel: Recorder
  private let kernel: Recorder

  init() {
    tunnel = Recorder("wireguard", [.wireguard], journal)
    kernel = Recorder("kernel", [.vxlan, .hostGateway, .crossSubnet, .ipip, .ipipCrossSubnet], journal)
  }

  private func router(_ mode: RoutingMode, grace: Double = 60) throws -> NodeRouter {
    try NodeRouter(node: "own", mode: mode, backends: [tunnel, kernel], grace: grace)
  }

  private func nodes(_ mode: RoutingMode, _ others: [String: RoutingMode]) -> [Node] {
    [node("own", mode: mode, at: ["192.0.2.1"], pods: ["10.244.1.0/24"])]
      + others.sorted { $0.key < $1.key }.enumerated().map { index, other in
        node(other.key, mode: other.value, at: ["192.0.2.\(index + 2)"], pods: ["10.244.\(index + 2).0/24"])
      }
  }

  @Test func eachPeerInItsWay() throws {
    let router = try router(.wireguard)
    try router.synchronize(nodes(.wireguard, ["a": .wireguard, "b": .vxlan]))
    #expect(tunnel.peers == ["a"])
    #expect(kernel.peers == ["b"])
    #expect(router.announcement.keys.sorted() == ["kernel", "wireguard"])
    #expect(try router.podMTU() == 1420, "the smaller")
    #expect(router.peerCount == 2)
  }

  /// A peer that becomes of our mode: first it is carried the new way, then the old one hands it over.
  @Test func handedOverWithoutAGap() throws {
    let router = try router(.wireguard)
    let before = nodes(.wireguard, ["a": .vxlan, "b": .vxlan])
    let after = nodes(.wireguard, ["a": .wireguard, "b": .vxlan])
    try router.synchronize(before)
    journal.lines = []
    try router.apply([("a", after[1])])
    #expect(journal.lines == ["wireguard gets a as wireguard", "kernel hands over a"])
    journal.lines = []
    try router.apply([("a", before[1])])
    #expect(journal.lines == ["kernel gets a as vxlan", "wireguard hands over a"])
  }

  /// What does not carry yet leaves the way before in place, also over a restart, until it does.
  @Test func theWayBeforeIsKeptUntilTheNextCarries() throws {
    tunnel.carried = false
    let after = nodes(.wireguard, ["a": .wireguard, "b": .vxlan])
    let router = try router(.wireguard)
    try router.synchronize(nodes(.wireguard, ["a": .vxlan, "b": .vxlan]))
    journal.lines = []
    try router.apply([("a", after[1])])
    #expect(journal.lines == ["wireguard gets a as wireguard"])
    #expect(router.concerns(.route(Route(Prefix("10.244.2.0/24")!))), "a new route may be what was waited for")
    journal.lines = []
    try router.repair()
    #expect(journal.lines == ["wireguard has [\"a\"]", "kernel has [\"b\"] keeps [\"a\"]"])
    tunnel.carried = true
    journal.lines = []
    try router.repair()
    #expect(journal.lines == ["wireguard has [\"a\"]", "kernel has [\"b\"]"])
    #expect(!router.concerns(.route(Route(Prefix("10.244.2.0/24")!))))
  }

  @Test func aNodeThatGoesIsLostByItsCarrier() throws {
    let router = try router(.vxlan)
    let all = nodes(.vxlan, ["a": .vxlan, "b": .vxlan])
    try router.synchronize(all)
    journal.lines = []
    try router.apply([("b", nil)])
    #expect(journal.lines == ["kernel loses b"])
    try router.apply([("b", nil)])
    #expect(journal.lines.count == 1)
    // Nothing is done for what does not matter to routing.
    var same = all[1]
    same.isReady.toggle()
    same.annotations["example.com/other"] = "new"
    try router.apply([("a", same)])
    #expect(journal.lines.count == 1)
  }

  /// A backend of a former mode is taken away some time after it was needed last, and not before.
  @Test func whatNobodyNeedsGoes() throws {
    let patient = try router(.vxlan)
    try patient.synchronize(nodes(.vxlan, ["a": .vxlan]))
    #expect(!journal.lines.contains("wireguard is removed"))
    let impatient = try router(.vxlan, grace: 0)
    try impatient.synchronize(nodes(.vxlan, ["a": .vxlan]))
    #expect(journal.lines.contains("wireguard is removed"))
  }

  @Test func withoutARangeOrAnAddressThereIsNothingToDo() throws {
    let router = try router(.vxlan)
    var all = nodes(.vxlan, ["a": .vxlan])
    let ranges = all[0].podRanges
    all[0].podRanges = []
    try router.synchronize(all)
    #expect(!router.isReady)
    #expect(journal.lines.isEmpty)
    all[0].podRanges = ranges
    try router.apply([("own", all[0])])
    #expect(router.isReady)
    #expect(kernel.peers == ["a"])
  }

  @Test func flannelsOtherBackendsAreNamed() throws {
    let router = try router(.vxlan)
    var all = nodes(.vxlan, ["a": .vxlan])
    all[1].annotations = [RouteAnnotation.flannelType: "udp", RouteAnnotation.flannelData: "null"]
    try router.synchronize(all)
    #expect(router.problems.map(\.node) == ["a"])
    #expect(router.problems.first?.reason.contains("flannel's backend udp") == true)
  }

  @Test func aModeThatNothingCarriesIsRefused() throws {
    #expect(throws: RoutingError.self) { try router(.bgp) }
  }
}
