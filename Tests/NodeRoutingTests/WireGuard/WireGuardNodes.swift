import Addressing
import Glibc
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

/// Nodes as namespaces on one switch, both families, each with a WireGuard backend. Pods are addresses on the loopbacks.
final class WireGuardNodes {
  /// The switch.
  let fabric: NetworkNamespace
  let folder: String
  var nodes: [Node] = []

  final class Node {
    let number: Int
    let namespace: NetworkNamespace
    var backend: WireGuardRouting
    /// The node as its agent sees it, and as its peers do.
    var own: RoutePeer
    var announced: RoutePeer
    let keyFile: String

    init(_ number: Int, _ namespace: NetworkNamespace, _ own: RoutePeer, keyFile: String) throws {
      (self.number, self.namespace, self.own, self.announced, self.keyFile) = (number, namespace, own, own, keyFile)
      backend = try Self.backend(namespace, keyFile)
    }

    private static func backend(_ namespace: NetworkNamespace, _ keyFile: String) throws -> WireGuardRouting {
      var configuration = WireGuardRouting.Configuration(keyFile: keyFile, namespace: namespace)
      configuration.notice = 0
      return try WireGuardRouting(configuration)
    }

    /// As after a restart of the agent: nothing is known but what is in the kernel and the key's file.
    func restart() throws { backend = try Self.backend(namespace, keyFile) }

    /// What the agent does first, and what its Node object says then.
    @discardableResult
    func prepare() throws -> Int {
      let changes = try backend.prepare(own)
      announced.annotations = backend.announcement
      return changes
    }

    @discardableResult
    func run(_ command: String) throws -> ChildProcess.Result {
      try ChildProcess.run(["sh", "-c", command], namespace: namespace, timeout: 60)
    }

    func oracle(_ command: String) throws -> [JSON] {
      let result = try run(command)
      return result.output.isEmpty ? [] : try JSON(parsing: result.standardOutput).elements
    }

    func pod(_ family: IPFamily) -> String { family == .v4 ? "10.244.\(number).5" : "fd00:244:\(number)::5" }

    /// `wg show … dump`: one line a peer, fields between tabs. Key, preshared key, endpoint, allowed, handshake, ….
    func peers() throws -> [[String]] {
      try run("wg show swiftlet.wg dump").output.split(separator: "\n").dropFirst().map {
        $0.split(separator: "\t").map(String.init)
      }
    }
  }

  init(_ count: Int, underlay: [IPFamily] = [.v4, .v6]) throws {
    folder = "/tmp/swt-wg-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    fabric = try NetworkNamespace.create()
    let routes = try RouteSocket(namespace: fabric)
    try routes.perform(.addLink(.bridge, .init(name: "wires", isUp: true)))
    let bridge = try #require(try routes.link(.name("wires"))).index
    for number in 1...count {
      let namespace = try NetworkNamespace.create()
      let own = try RouteSocket(namespace: namespace)
      try Sysctl.write("net/ipv6/conf/default/accept_dad", "0", in: namespace)
      try routes.perform(
        .addLink(.veth(peer: .init(name: "eth0"), in: namespace), .init(name: "n\(number)", master: bridge, isUp: true))
      )
      try own.perform([.setLink(.name("eth0"), .init(isUp: true)), .setLink(.name("lo"), .init(isUp: true))])
      let eth0 = try #require(try own.link(.name("eth0"))).index
      let loopback = try #require(try own.link(.name("lo"))).index
      let addresses = [IPAddress("192.168.77.1\(number)")!, IPAddress("fd77::1\(number)")!]
      let pods = [IPAddress("10.244.\(number).5")!, IPAddress("fd00:244:\(number)::5")!]
      try own.perform(
        addresses.filter { underlay.contains($0.family) }.map {
          .addAddress(.init(interface: eth0, $0, prefixLength: $0.family == .v4 ? 24 : 64))
        })
      try own.perform(
        pods.map { .addAddress(.init(interface: loopback, $0, prefixLength: $0.family.bits)) })
      let peer = RoutePeer(
        node: "n\(number)", mode: .wireguard, underlay: addresses.filter { underlay.contains($0.family) },
        podRanges: [Prefix("10.244.\(number).0/24")!, Prefix("fd00:244:\(number)::/64")!])
      nodes.append(try Node(number, namespace, peer, keyFile: "\(folder)/n\(number).key"))
    }
  }

  /// What the kernel holds in each node, for a failure's message.
  func picture() throws -> String {
    try nodes.map { node in
      try node.run("echo; date +%T.%N; wg show; ip -br link; ip -br addr; ip neigh; ip route; cat /proc/loadavg").output
    }
    .joined()
  }

  /// Waits until something holds that the kernel or a program does by itself, such as a handshake; half a minute at most,
  /// for emulated machines.
  func wait(until condition: () throws -> Bool) throws {
    for _ in 0..<600 {
      if try condition() { return }
      usleep(50_000)
    }
    Issue.record("it does not come to that")
  }

  deinit { try? Files.removeTree(folder) }

  func others(of node: Node) -> [RoutePeer] { nodes.filter { $0 !== node }.map(\.announced) }

  /// Every agent announces itself and learns of the others.
  func settle() throws {
    for node in nodes { try node.prepare() }
    for node in nodes { _ = try node.backend.synchronize(others(of: node), keeping: []) }
  }

  /// What an agent does at each look for drift.
  func repair(_ node: Node) throws -> Int {
    try node.prepare() + node.backend.synchronize(others(of: node), keeping: [])
  }

  /// From pod to pod, not to be fragmented; `size` is that of the IP packet. Up to `seconds` tries: the first packet may
  /// wait for the handshake.
  func ping(_ from: Int, _ to: Int, _ family: IPFamily = .v4, size: Int = 84, seconds: Int = 20) throws -> Bool {
    let headers = family == .v4 ? 28 : 48
    return try nodes[from].run(
      "ping -c 1 -w \(seconds) -W 1 -M do -s \(size - headers) -I \(nodes[from].pod(family)) \(nodes[to].pod(family))"
    ).status.isSuccess
  }
}
