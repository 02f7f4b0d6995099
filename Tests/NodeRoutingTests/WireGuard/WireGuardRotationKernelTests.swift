import Addressing
import Linux
import Netlink
import NodeRouting
import Synchronization
import Testing

/// Needs a kernel with the module `wireguard`; `make test` runs the suite in a virtual machine where there is none.
@Suite(
  .serialized,
  .enabled(if: wireguardIsSupported, "this kernel has no WireGuard (CONFIG_WIREGUARD); the suite runs in qemu"))
struct WireGuardRotationKernelTests {
  private func publicKey(_ node: WireGuardNodes.Node) throws -> String {
    try node.run("wg show swiftlet.wg public-key").output.filter { $0 != "\n" }
  }

  /// An operator asks for a new key: peers are told of it, then it is used, then the old one is forgotten.
  @Test func aKeyIsChangedOnRequest() throws {
    let network = try WireGuardNodes(3)
    try network.settle()
    let (first, second) = (network.nodes[0], network.nodes[1])
    for number in [1, 2] { #expect(try network.ping(0, number)) }
    let old = try publicKey(first)

    first.own.annotations[RouteAnnotation.wireguardRotation] = "1"
    try first.prepare()
    let next = try #require(
      first.announced.annotations[RouteAnnotation.wireguard].flatMap(WireGuardAnnouncement.init(parsing:))?
        .nextKey?.base64)
    #expect(try publicKey(first) == old)
    for other in network.nodes[1...] { _ = try other.backend.apply([.set(first.announced)]) }
    #expect(try second.peers().first { $0[0] == next }?[3] == "(none)")
    #expect(try second.peers().first { $0[0] == old }?[3].contains("10.244.1.0/24") == true)
    #expect(try network.ping(1, 0))

    try first.prepare()
    #expect(try publicKey(first) == next)
    for other in network.nodes[1...] { _ = try other.backend.apply([.set(first.announced)]) }
    for number in [1, 2] {
      for family in IPFamily.allCases {
        #expect(try network.ping(0, number, family))
        #expect(try network.ping(number, 0, family))
      }
    }
    #expect(try second.peers().map { $0[0] }.contains(old) == false)
    // The request was heard: the next look for drift begins nothing new.
    for node in network.nodes { #expect(try network.repair(node) == 0) }
    try first.restart()
    #expect(try network.repair(first) == 0)
    #expect(try publicKey(first) == next)
  }

  /// What a change costs: packets between the moment the key changes and the one its peer hears of it. Printed, since it
  /// is the API server's way here that decides; what comes later must arrive.
  @Test func packetsAreLostOnlyUntilThePeerHasHeard() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    let (first, second) = (network.nodes[0], network.nodes[1])
    #expect(try network.ping(0, 1))
    first.own.annotations[RouteAnnotation.wireguardRotation] = "1"
    try first.prepare()
    _ = try second.backend.apply([.set(first.announced)])
    let output = Mutex("")
    let namespace = first.namespace
    let thread = Thread("ping") {
      let command = ["ping", "-n", "-D", "-i", "0.02", "-c", "200", "-W", "1", "-I", "10.244.1.5", "10.244.2.5"]
      let result = try? ChildProcess.run(command, namespace: namespace, timeout: 60)
      output.withLock { $0 = result?.output ?? "" }
    }
    try network.wait { try (second.peers().first { $0[3].contains("10.244.1") }?[5]).flatMap { Int($0) } ?? 0 > 2000 }
    let begin = Time.monotonicMilliseconds
    try first.prepare()
    _ = try second.backend.apply([.set(first.announced)])
    let end = Time.monotonicMilliseconds
    thread.join()
    let text = output.withLock { $0 }
    let answers = text.split(separator: "\n").compactMap { line in
      line.firstRange(of: "icmp_seq=").flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) }
    }
    #expect(answers.last == 200, "\(text.suffix(300))")
    print(
      "a changed key: \(200 - answers.count) of 200 packets lost, 50 a second; the peer heard after \(end - begin) ms")
  }

  /// The API server is away when the key changes: peers notice by the handshake with the key they were told of.
  @Test func peersNoticeAChangeByThemselves() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    let (first, second) = (network.nodes[0], network.nodes[1])
    #expect(try network.ping(0, 1))
    first.own.annotations[RouteAnnotation.wireguardRotation] = "1"
    try first.prepare()
    _ = try second.backend.apply([.set(first.announced)])
    let stale = first.announced
    try first.prepare()
    // The old key is no key any more, and packets to it are lost until the peer has looked.
    try network.wait { try !second.peers().contains { $0[3] == "(none)" && $0[4] == "0" } }
    _ = try second.prepare() + second.backend.synchronize([stale], keeping: [])
    for family in IPFamily.allCases {
      #expect(try network.ping(0, 1, family))
      #expect(try network.ping(1, 0, family))
    }
    // The announcement comes in the end.
    _ = try second.backend.apply([.set(first.announced)])
    #expect(try second.peers().count == 1)
    #expect(try network.ping(1, 0))
    #expect(try network.repair(second) == 0)
  }

  /// While a cluster comes from another mode, packets keep the way they had until there is a session.
  @Test func anotherWayIsKeptUntilThereIsASession() throws {
    let network = try WireGuardNodes(2)
    let (first, second) = (network.nodes[0], network.nodes[1])
    for (node, other) in [(first, second), (second, first)] {
      let result = try node.run("ip route add 10.244.\(other.number).0/24 via 192.168.77.1\(other.number) proto 87")
      #expect(result.status.isSuccess)
    }
    #expect(try network.ping(0, 1))
    for node in network.nodes { try node.prepare() }
    _ = try first.backend.synchronize([second.announced], keeping: [])
    #expect(first.backend.carries(second.announced) == false)
    #expect(try first.oracle("ip -j route show 10.244.2.0/24").first?["dev"].string == "eth0")
    #expect(try network.ping(0, 1))
    // The peer joins: its packets begin a session.
    _ = try second.backend.synchronize([first.announced], keeping: [])
    try network.wait { try network.nodes.allSatisfy { try $0.peers().first?[4] != "0" } }
    for node in network.nodes { #expect(try network.repair(node) > 0) }
    #expect(first.backend.carries(second.announced))
    for node in network.nodes {
      let other = node === first ? 2 : 1
      let routes = try node.oracle("ip -j route show 10.244.\(other).0/24")
      #expect(routes.map { $0["dev"].string } == ["swiftlet.wg"])
    }
    #expect(try network.ping(0, 1))
  }

  /// A node of flannel's, played with `ip` and `wg`, as flannel configures its link and announces itself.
  @Test func aFlannelNodeIsAPeer() throws {
    let network = try WireGuardNodes(2)
    let (ours, theirs) = (network.nodes[0], network.nodes[1])
    try ours.prepare()
    let announced = ours.announced.annotations
    #expect(announced["flannel.alpha.coreos.com/backend-type"] == "wireguard")
    let data = try #require(
      announced["flannel.alpha.coreos.com/backend-data"].flatMap(WireGuardAnnouncement.init(parsing:)))
    let result = try theirs.run(
      """
      set -e; ip link add flannel-wg type wireguard; wg genkey > \(network.folder)/key
      wg set flannel-wg private-key \(network.folder)/key listen-port \(data.port) peer \(data.publicKey.base64) \
      endpoint 192.168.77.11:\(data.port) allowed-ips 10.244.1.0/24
      ip addr add 10.244.2.0/32 dev flannel-wg; ip link set flannel-wg mtu 1420 up
      ip route add 10.244.0.0/16 dev flannel-wg; wg show flannel-wg public-key
      """)
    #expect(result.status.isSuccess, "\(result.errorOutput)")
    var flannels = theirs.own
    flannels.podRanges = flannels.podRanges.filter { $0.family == .v4 }
    flannels.annotations = [
      "flannel.alpha.coreos.com/backend-type": "wireguard",
      "flannel.alpha.coreos.com/backend-data": #"{"PublicKey":"\#(result.output.filter { $0 != "\n" })","Port":51820}"#,
    ]
    _ = try ours.backend.synchronize([flannels], keeping: [])
    #expect(ours.backend.problems.isEmpty)
    #expect(try network.ping(0, 1))
    #expect(try network.ping(1, 0))
  }
}
