import Addressing
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

/// Needs a kernel with the module `wireguard`; `make test` runs the suite in a virtual machine where there is none.
@Suite(
  .serialized,
  .enabled(if: wireguardIsSupported, "this kernel has no WireGuard (CONFIG_WIREGUARD); the suite runs in qemu"))
struct WireGuardKernelTests {
  private func pings(_ network: WireGuardNodes, _ from: Int, _ to: Int) throws {
    for family in IPFamily.allCases {
      if try network.ping(from, to, family) { continue }
      let picture = try network.picture()
      Issue.record("no answer by \(family) from node \(from) to \(to): \(picture)")
    }
  }

  @Test(arguments: [[IPFamily.v4, .v6], [.v4], [.v6]])
  func podsReachOneAnother(underlay: [IPFamily]) throws {
    let network = try WireGuardNodes(3, underlay: underlay)
    try network.settle()
    for (from, to) in [(0, 1), (1, 2), (2, 0)] { try pings(network, from, to) }
    let mtu = underlay.contains(.v4) ? 1440 : 1420
    #expect(try network.nodes[0].backend.podMTU() == mtu)
    for family in IPFamily.allCases {
      #expect(try network.ping(0, 1, family, size: mtu), "a packet of the pods' MTU passes in one piece")
      #expect(try network.ping(0, 1, family, size: mtu + 1, seconds: 1) == false)
    }

    // What the kernel holds, as others read it.
    let link = try #require(try network.nodes[0].oracle("ip -j -d link show swiftlet.wg").first)
    #expect(link["linkinfo", "info_kind"].string == "wireguard")
    #expect(link["mtu"].int == mtu)
    let route = try #require(try network.nodes[0].oracle("ip -j route show 10.244.2.0/24").first)
    #expect(route["dev"].string == "swiftlet.wg")
    #expect(route["protocol"].string == "87")
    let peers = try network.nodes[0].peers()
    let key = try network.nodes[1].run("wg show swiftlet.wg public-key").output.filter { $0 != "\n" }
    let peer = try #require(peers.first { $0[0] == key })
    #expect(peers.count == 2)
    #expect(peer[1] == "(none)")
    #expect(peer[2] == (underlay.contains(.v4) ? "192.168.77.12:51820" : "[fd77::12]:51820"))
    #expect(Set(peer[3].split(separator: ",")) == ["10.244.2.0/24", "fd00:244:2::/64"])
    #expect(peer[7] == "off")
    #expect(try network.nodes[1].run("wg show swiftlet.wg private-key").output.count == 45)
    #expect(network.nodes[1].announced.annotations[RouteAnnotation.wireguard]?.contains(key) == true)
    let status = network.nodes[0].backend.status
    #expect(status["peers", "n2", "publicKey"].string == key)
    #expect((status["peers", "n2", "lastHandshake"].int ?? 0) > 0)
  }

  /// The node itself speaks to pods from an address that its peers allow.
  @Test func theNodeItselfReachesPods() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    for family in IPFamily.allCases {
      #expect(try network.nodes[0].run("ping -c 1 -w 3 -W 1 \(network.nodes[1].pod(family))").status.isSuccess)
    }
  }

  /// Whoever listens on the nodes' network sees nothing of the pods.
  @Test func onlyEncryptedPacketsAreOnTheWire() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    let file = "\(network.folder)/wire.pcap"
    let capture = try ChildProcess(
      ["tcpdump", "-i", "n1", "-w", file, "-U", "--immediate-mode"], standardOutput: .null, standardError: .null,
      namespace: network.fabric)
    defer { capture.stop() }
    // The file's header is written once packets are caught.
    try network.wait { try (Files.exists(file) ? Files.read(file) : []).count >= 24 }
    try pings(network, 0, 1)
    let secret = "swiftlet-plain-words"
    _ = try network.nodes[0].run("ping -c 2 -w 4 -p \(secret.utf8.map { hex($0) }.joined().prefix(32)) 10.244.2.5")
    func count(_ filter: String) throws -> Int {
      let result = try ChildProcess.run(["tcpdump", "-nn", "-r", file, filter])
      return result.output.split(separator: "\n").count
    }
    // A request and an answer for each ping.
    try network.wait { try count("udp port 51820") >= 8 }
    capture.stop()
    #expect(try count("net 10.244.0.0/16 or net fd00:244::/32 or icmp") == 0)
    let bytes = try Files.readText(file)
    #expect(!bytes.contains(String(secret.prefix(16))))
  }

  @Test func aWrongKeyPassesNothing() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    try pings(network, 0, 1)
    var wrong = network.nodes[1].announced
    wrong.annotations = [
      RouteAnnotation.wireguard: WireGuardAnnouncement(port: 51820, publicKey: testKey(0x42)).text
    ]
    _ = try network.nodes[0].backend.apply([.set(wrong)])
    for family in IPFamily.allCases { #expect(try network.ping(0, 1, family, seconds: 1) == false) }
    _ = try network.nodes[0].backend.apply([.set(network.nodes[1].announced)])
    try pings(network, 0, 1)
  }

  @Test func aSecondPassAndARestartChangeNothing() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    try pings(network, 0, 1)
    let before = try network.nodes[0].peers().map { $0.prefix(5) }
    for node in network.nodes { #expect(try network.repair(node) == 0) }
    for node in network.nodes {
      try node.restart()
      #expect(try network.repair(node) == 0)
      // The file is gone: the key in the kernel is the node's still.
      try Files.remove(node.keyFile)
      try node.restart()
      #expect(try network.repair(node) == 0)
    }
    // The handshake's time is among the fields: no session was begun anew.
    #expect(try network.nodes[0].peers().map { $0.prefix(5) } == before)
    try pings(network, 0, 1)
  }

  @Test(arguments: [
    "ip route del 10.244.2.0/24", "ip -6 route del fd00:244:2::/64", "ip link set swiftlet.wg down",
    "ip link del swiftlet.wg", "ip link set swiftlet.wg mtu 1300", "ip addr flush dev swiftlet.wg scope global",
    "wg set swiftlet.wg listen-port 1234", "wg set swiftlet.wg peer $(wg show swiftlet.wg peers) remove",
    "wg set swiftlet.wg peer $(wg show swiftlet.wg peers) allowed-ips 10.9.0.0/16",
    "wg set swiftlet.wg peer $(wg show swiftlet.wg peers) persistent-keepalive 3",
    "wg genkey | wg set swiftlet.wg private-key /dev/stdin",
    "wg set swiftlet.wg peer $(wg genkey | wg pubkey) allowed-ips 10.244.2.0/24",
    "ip link del swiftlet.wg && ip link add swiftlet.wg type dummy",
    "ip route add 10.7.0.0/16 dev swiftlet.wg proto 87",
  ])
  func driftIsRepaired(damage: String) throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    try pings(network, 0, 1)
    let result = try network.nodes[0].run("set -e; \(damage)")
    #expect(result.status.isSuccess, "\(result.errorOutput)")
    #expect(try network.repair(network.nodes[0]) > 0)
    try pings(network, 0, 1)
    #expect(try network.repair(network.nodes[0]) == 0)
    #expect(try network.nodes[0].oracle("ip -j route show dev swiftlet.wg").count == 1)
  }

  /// Only what needs one is said to need a repair.
  @Test func eventsThatConcernIt() throws {
    let network = try WireGuardNodes(2)
    try network.settle()
    let node = network.nodes[0]
    let socket = try RouteSocket(namespace: node.namespace)
    let link = try #require(try socket.link(.name("swiftlet.wg")))
    let routes = try socket.routes(protocolNumber: Route.ownProtocol, interface: link.index)
    let address = try #require(try socket.addresses(interface: link.index, family: .v4).first)
    var narrow = link
    narrow.mtu -= 1
    var stranger = address
    stranger.interface += 100
    #expect(routes.count == 2)
    for event in [RouteEvent.lost, .linkRemoved(link), .link(narrow), .addressRemoved(address)]
      + routes.map({ .routeRemoved($0) })
    {
      #expect(node.backend.concerns(event), "\(event)")
    }
    for event in [RouteEvent.link(link), .addressRemoved(stranger), .address(address)] + routes.map({ .route($0) }) {
      #expect(!node.backend.concerns(event), "\(event)")
    }
  }

  @Test func nodesComeMoveAndGo() throws {
    let network = try WireGuardNodes(3)
    try network.settle()
    let (first, second) = (network.nodes[0], network.nodes[1])
    // Another pod range, another address, another port.
    var moved = second.announced
    moved.podRanges.append(Prefix("10.250.2.0/24")!)
    moved.underlay = [IPAddress("192.168.77.99")!]
    #expect(try first.backend.apply([.set(moved)]) > 0)
    let peer = try #require(try first.peers().first { $0[2] == "192.168.77.99:51820" })
    #expect(peer[3].contains("10.250.2.0/24"))
    #expect(try first.oracle("ip -j route show 10.250.2.0/24").count == 1)
    _ = try first.backend.apply([.set(second.announced)])
    #expect(try first.oracle("ip -j route show 10.250.2.0/24").isEmpty)
    try pings(network, 0, 1)

    #expect(try first.backend.apply([.removed(node: "n2")]) == 3)
    #expect(try first.peers().count == 1)
    #expect(try first.oracle("ip -j route show 10.244.2.0/24").isEmpty)
    #expect(try network.ping(0, 1, seconds: 1) == false)
    try pings(network, 0, 2)
    _ = try first.backend.apply([.set(second.announced)])
    try pings(network, 0, 1)

    // One that left while the agent was down.
    try first.restart()
    try first.prepare()
    #expect(try first.backend.synchronize([second.announced], keeping: []) == 3)
    #expect(try first.peers().count == 1)

    #expect(try first.backend.remove() == 1)
    #expect(try first.run("ip link show swiftlet.wg").status.isSuccess == false)
    #expect(Files.exists(first.keyFile) == false)
    #expect(try first.backend.remove() == 0)
  }

  @Test func aMissingNodeAddressIsExplained() throws {
    let network = try WireGuardNodes(1)
    var own = network.nodes[0].own
    own.underlay = [IPAddress("192.0.2.1")!]
    let error = #expect(throws: RoutingError.self) { _ = try network.nodes[0].backend.prepare(own) }
    #expect(error?.description.contains("192.0.2.1") == true)
  }

  @Test func aTakenPortIsExplainedAndFlannelsLinkIsReplaced() throws {
    let network = try WireGuardNodes(2)
    let node = network.nodes[0]
    let setUp = "ip link add NAME type wireguard && wg set NAME listen-port 51820 && ip link set NAME up"
    _ = try node.run(setUp.replacingName("other"))
    let error = #expect(throws: RoutingError.self) { try node.prepare() }
    #expect(error?.description.contains("51820") == true)
    _ = try node.run("ip link del other; " + setUp.replacingName("flannel-wg"))
    try network.settle()
    #expect(try node.run("ip link show flannel-wg").status.isSuccess == false)
    try pings(network, 0, 1)
  }
}

/// Whether this kernel makes WireGuard links, tried in a namespace of its own.
let wireguardIsSupported: Bool = {
  guard let namespace = try? NetworkNamespace.create(), let socket = try? RouteSocket(namespace: namespace) else {
    return false
  }
  return (try? socket.perform(.addLink(.wireguard, .init(name: "swt-wg")))) != nil
}()

private func hex(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }

extension String {
  fileprivate func replacingName(_ name: String) -> String { split(separator: "NAME").joined(separator: name) }
}
