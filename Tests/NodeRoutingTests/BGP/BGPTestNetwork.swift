import Addressing
import Glibc
import JSON
import Linux
import Netlink
import NodeRouting
import Synchronization
import Testing

/// Nodes as namespaces on one bridge, each with a BIRD of its own; "pods" are addresses on the nodes' loopback. The
/// bridge's own namespace is the outside, 192.168.77.1 and fd77::1. All of it goes away with the object.
final class BGPTestNetwork {
  static let counter = Mutex(0)

  let fabric: NetworkNamespace
  let root: String
  let peers: [RoutePeer]
  private(set) var namespaces: [NetworkNamespace] = []
  private(set) var backends: [BGPBackend] = []
  private var others: [ChildProcess] = []

  init(_ peers: [RoutePeer], configuration: String? = nil) throws {
    self.peers = peers
    let number = Self.counter.withLock { counter in
      counter += 1
      return counter
    }
    root = "/tmp/swt-bgp-\(getpid())-\(number)"
    try Files.makeDirectories(root)
    fabric = try NetworkNamespace.create()
    let fabricRoutes = try RouteSocket(namespace: fabric)
    try fabricRoutes.perform([
      .setLink(.name("lo"), .init(isUp: true)), .addLink(.bridge, .init(name: "wires", isUp: true)),
    ])
    let bridge = try #require(try fabricRoutes.link(.name("wires"))).index
    try Self.run("ip addr add 192.168.77.1/24 dev wires", in: fabric)
    try Self.run("ip addr add fd77::1/64 dev wires nodad", in: fabric)
    try fabric.setSysctl("net/ipv4/ip_forward", "1")
    for peer in peers {
      let namespace = try NetworkNamespace.create()
      let routes = try RouteSocket(namespace: namespace)
      try fabricRoutes.perform(
        .addLink(
          .veth(peer: .init(name: "eth0"), in: namespace), .init(name: peer.node, master: bridge, isUp: true)))
      try routes.perform([.setLink(.name("eth0"), .init(isUp: true)), .setLink(.name("lo"), .init(isUp: true))])
      for address in peer.underlay {
        let rest = address.family == .v4 ? "/24 dev eth0" : "/64 dev eth0 nodad"
        try Self.run("ip addr add \(address)\(rest)", in: namespace)
      }
      for range in peer.podRanges {
        try Self.run("ip addr add \(range.address(at: 5)!)/\(range.family.bits) dev lo", in: namespace)
      }
      namespaces.append(namespace)
    }
    if let configuration { try write(configuration) }
    for index in peers.indices { backends.append(try backend(index)) }
  }

  deinit {
    for child in others { child.stop(grace: 1) }
    for backend in backends {
      backend.detach()
      _ = try? backend.remove()
    }
    try? Files.removeTree(root)
  }

  var configurationPath: String { "\(root)/bgp.yaml" }

  /// Writes what all nodes read with their next pass.
  func write(_ configuration: String) throws { try Files.write(configurationPath, configuration) }

  func backend(_ index: Int) throws -> BGPBackend {
    try BGPBackend(
      .init(
        directory: "\(root)/\(peers[index].node)",
        configurationFile: Files.exists(configurationPath) ? configurationPath : nil, podRanges: bgpPodRanges,
        serviceRanges: bgpServiceRanges, namespace: namespaces[index]))
  }

  /// What the agent does at its start and for a repair.
  @discardableResult
  func pass(_ index: Int, with backend: BGPBackend? = nil, among peers: [RoutePeer]? = nil) throws -> Int {
    let backend = backend ?? backends[index]
    let own = self.peers[index]
    let changes = try backend.prepare(own)
    return try changes
      + backend.synchronize((peers ?? self.peers).filter { $0.node != own.node }, keeping: [])
  }

  /// The agent of a node stops and another one starts.
  func restartAgent(_ index: Int) throws {
    backends[index].detach()
    backends[index] = try backend(index)
  }

  func start() throws { for index in peers.indices { try pass(index) } }

  /// Starts a program outside; it ends with the network.
  func outside(_ argv: [String], output: String) throws {
    let file = try FileDescriptor.open("\(root)/\(output)", O_WRONLY | O_CREAT | O_TRUNC)
    others.append(
      try ChildProcess(
        argv, standardOutput: .descriptor(file.raw), standardError: .descriptor(file.raw), namespace: fabric))
  }

  @discardableResult
  static func run(_ command: String, in namespace: NetworkNamespace) throws -> ChildProcess.Result {
    let result = try ChildProcess.run(command.split(separator: " ").map(String.init), namespace: namespace, timeout: 20)
    return result
  }

  /// The routes that `ip` shows of one destination, or all that BIRD made.
  func routes(_ index: Int, _ selection: String) throws -> [JSON] {
    let family = selection.contains(":") || selection == "v6" ? "-6" : "-4"
    let what = selection == "v4" || selection == "v6" ? "proto bird" : selection
    let result = try Self.run("ip -j \(family) route show \(what)", in: namespaces[index])
    return result.output.isEmpty ? [] : try JSON(parsing: result.standardOutput).elements
  }

  /// The destinations of BIRD's routes, sorted.
  func learned(_ index: Int, _ family: String = "v4") throws -> [String] {
    try routes(index, family).compactMap { $0["dst"].string }.sorted()
  }

  func ping(_ index: Int, from: String, to: String) throws -> Bool {
    try Self.run("ping -c 1 -W 1 -I \(from) \(to)", in: namespaces[index]).status.isSuccess
  }

  func session(_ index: Int, _ name: String) -> JSON {
    backends[index].status["sessions"].elements.first { $0["name"].string == name } ?? .null
  }
}

/// Looks again and again until it is so; false after half a minute.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Time.monotonicSeconds + 30
  while true {
    if try condition() { return true }
    if Time.monotonicSeconds > deadline { return false }
    usleep(50_000)
  }
}
