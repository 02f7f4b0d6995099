import Addressing
import ClusterModel
import Glibc
import Linux
import Testing

/// Node n1 of `VerdictTests.cluster()` as real namespaces: pods web, db and cli on its bridge, and everything that is not
/// on the node (node n2, its pods, the outside) in a namespace behind it. All are removed with the object.
final class PolicyTestNetwork {
  let node: NetworkNamespace
  /// The namespace that holds an address.
  private(set) var homes: [IPAddress: NetworkNamespace] = [:]
  private let paths: [String]
  private let prefix: String

  private static let far = [
    "203.0.113.5", "203.0.113.6", VerdictTests.web2, VerdictTests.other, "2001:db8::1",
  ]
  /// Nobody's pod; it answers where it is not closed.
  static let stranger = "10.1.0.99"

  init(_ topic: String) throws {
    prefix = "swt-policy-\(topic)-\(getpid())"
    _ = mkdir("/run/netns", 0o755)
    let names = ["n1", "far", "web", "db", "cli"]
    paths = names.map { [prefix] in "/run/netns/\(prefix)-\($0)" }
    let made = try paths.map { try NetworkNamespace.create(boundTo: $0) }
    node = made[0]
    let (fabric, web, db, cli) = (made[1], made[2], made[3], made[4])
    for (name, value) in [
      ("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1"), ("net/ipv4/conf/all/send_redirects", "0"),
      ("net/ipv4/conf/default/send_redirects", "0"), ("net/ipv4/conf/all/rp_filter", "0"),
      ("net/ipv4/conf/default/rp_filter", "0"), ("net/ipv6/conf/default/accept_dad", "0"),
    ] { try node.setSysctl(name, value) }
    // Where br_netfilter is loaded it would translate on the bridge and drop what goes back to the port it came from.
    for name in ["iptables", "ip6tables"] { try? node.setSysctl("net/bridge/bridge-nf-call-\(name)", "0") }
    try ip(
      "n1", "link set lo up", "link add cni0 type bridge", "link set cni0 up", "addr add 10.1.0.1/24 dev cni0",
      "addr add fd00:1::1/64 dev cni0 nodad", "link add up0 type veth peer name eth0 netns \(prefix)-far",
      "link set up0 up", "addr add 192.168.0.1/24 dev up0", "addr add fd99::1/64 dev up0 nodad")
    try ip(
      "far", "link set lo up", "link set eth0 up", "addr add 192.168.0.2/24 dev eth0",
      "addr add fd99::2/64 dev eth0 nodad", "route add default via 192.168.0.1", "route add default via fd99::1")
    try ip("far", Self.far.map { "addr add \(Prefix(host: IPAddress($0)!)) dev lo" })
    try ip("n1", "route add default via 192.168.0.2", "route add default via fd99::2")
    for address in Self.far + ["192.168.0.2"] { homes[IPAddress(address)!] = fabric }
    for address in ["192.168.0.1", "10.1.0.1"] { homes[IPAddress(address)!] = node }
    try addPod("web", [VerdictTests.web, VerdictTests.web6], web)
    try addPod("db", [VerdictTests.db, Self.stranger], db)
    try addPod("cli", [VerdictTests.cli, VerdictTests.cli6], cli)
  }

  deinit { for path in paths { try? NetworkNamespace.remove(path: path) } }

  private func addPod(_ name: String, _ addresses: [String], _ namespace: NetworkNamespace) throws {
    try ip(
      "n1", "link add v-\(name) type veth peer name eth0 netns \(prefix)-\(name)", "link set v-\(name) master cni0",
      "link set v-\(name) up")
    try ip(name, "link set lo up", "link set eth0 up")
    for address in addresses {
      try ip(
        name,
        "addr add \(Prefix(host: IPAddress(address)!)) dev eth0\(IPAddress(address)!.family == .v6 ? " nodad" : "")")
    }
    try ip(name, "route add 10.1.0.1 dev eth0", "route add default via 10.1.0.1")
    try ip(name, "route add fd00:1::1 dev eth0", "route add default via fd00:1::1")
    for address in addresses { homes[IPAddress(address)!] = namespace }
  }

  private func ip(_ name: String, _ commands: String...) throws { try ip(name, commands) }

  private func ip(_ name: String, _ commands: [String]) throws {
    let input = Array((commands.joined(separator: "\n") + "\n").utf8)
    let result = try ChildProcess.run(["ip", "-n", "\(prefix)-\(name)", "-batch", "-"], input: input)
    try #require(result.errorOutput.isEmpty, "ip -n \(name): \(result.errorOutput)")
  }

  /// What nft prints inside the node.
  func nft(_ arguments: String...) throws -> String {
    let result = try ChildProcess.run(["nft"] + arguments, namespace: node)
    return result.output + result.errorOutput
  }

  func home(_ address: String) -> NetworkNamespace? { homes[IPAddress(address)!] }
}

/// A socket in one of the namespaces.
final class Endpoint {
  let descriptor: FileDescriptor
  var raw: CInt { descriptor.raw }

  init(_ network: PolicyTestNetwork, _ address: String, port: UInt16 = 0, _ transport: TransportProtocol) throws {
    let parsed = IPAddress(address)!
    let type = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
    let namespace = try #require(network.homes[parsed])
    descriptor = try namespace.socket(
      parsed.family.socketDomain, CInt(type.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
    var one: CInt = 1
    setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
    try check("bind \(address) \(port)") { SocketAddress(parsed, port: port).bind(raw) }
  }

  /// Takes an accepted connection.
  init(owning raw: CInt) { descriptor = FileDescriptor(owning: raw) }

  func listen() throws { try check("listen") { Glibc.listen(raw, 64) } }

  /// Begins to connect; `isWritable` tells when it has.
  func connect(_ address: String, _ port: UInt16) {
    _ = SocketAddress(IPAddress(address)!, port: port).connect(raw)
  }

  func send(_ byte: UInt8) {
    _ = withUnsafeBytes(of: byte) { Glibc.send(raw, $0.baseAddress, 1, CInt(MSG_NOSIGNAL)) }
  }

  /// Waits for something to read; nil after `timeout` milliseconds.
  func receive(timeout: CInt) -> UInt8? {
    var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, timeout) == 1 else { return nil }
    var byte: UInt8 = 0
    return recv(raw, &byte, 1, 0) == 1 ? byte : nil
  }

  func accept(timeout: CInt) -> Endpoint? {
    var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, timeout) == 1 else { return nil }
    let connection = Glibc.accept(raw, nil, nil)
    return connection < 0 ? nil : Endpoint(owning: connection)
  }

  var isConnected: Bool {
    var entry = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
    guard poll(&entry, 1, 0) == 1 else { return false }
    var error: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(raw, SOL_SOCKET, SO_ERROR, &error, &length)
    return error == 0
  }
}
