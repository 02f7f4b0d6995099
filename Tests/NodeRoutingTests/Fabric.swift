import Addressing
import ClusterModel
import Glibc
import JSON
import Linux
import Netlink
import NodeRouting
import Testing

/// Nodes as namespaces in two subnets, with a router between them that is a namespace too. Pods are addresses on the
/// nodes' loopbacks.
final class Fabric {
  /// Seconds that links of a former mode stay.
  let linkGrace: Double

  /// Switches of both subnets, and the router.
  let center: NetworkNamespace
  private let routes: RouteSocket
  /// Where agents keep their keys.
  private let folder = "/tmp/swt-fabric-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  var nodes: [String: TestNode] = [:]

  final class TestNode {
    let name: String
    let namespace: NetworkNamespace
    var object: Node
    var router: NodeRouter
    var kernel: KernelRouting
    private let keyFile: String
    private let linkGrace: Double

    init(
      _ name: String, _ namespace: NetworkNamespace, _ object: Node, mode: RoutingMode, keyFile: String,
      linkGrace: Double
    ) throws {
      (self.name, self.namespace, self.object, self.keyFile) = (name, namespace, object, keyFile)
      self.linkGrace = linkGrace
      (router, kernel) = try Self.router(name, namespace, mode, keyFile, linkGrace)
    }

    private static func router(
      _ name: String, _ namespace: NetworkNamespace, _ mode: RoutingMode, _ keyFile: String, _ linkGrace: Double
    ) throws -> (NodeRouter, KernelRouting) {
      var configuration = KernelRouting.Configuration(namespace: namespace)
      configuration.linkGrace = linkGrace
      let kernel = try KernelRouting(configuration)
      var wireguardConfiguration = WireGuardRouting.Configuration(keyFile: keyFile, namespace: namespace)
      wireguardConfiguration.lingering = linkGrace
      let wireguard = try WireGuardRouting(wireguardConfiguration)
      let backends: [any RoutingBackend] = [wireguard, kernel]
      return (try NodeRouter(node: name, mode: mode, backends: backends, grace: linkGrace), kernel)
    }

    /// As after a restart of the agent: nothing is known but what is in the kernel.
    func restart(mode: RoutingMode) throws {
      (router, kernel) = try Self.router(name, namespace, mode, keyFile, linkGrace)
    }

    /// Puts what the agent announces into the node's object. Returns whether that is news.
    @discardableResult
    func announce() -> Bool {
      let before = object.annotations
      for key in RouteAnnotation.written { object.annotations[key] = nil }
      object.annotations.merge(router.announcement) { $1 }
      return object.annotations != before
    }

    func pod(_ family: IPFamily, range: Int = 0) -> String {
      "\(object.podRanges.filter { $0.family == family }[range].address(at: 5)!)"
    }
  }

  init(linkGrace: Double = 1) throws {
    self.linkGrace = linkGrace
    center = try NetworkNamespace.create()
    routes = try RouteSocket(namespace: center)
    try Self.settings(center)
    for lan in 1...2 {
      try routes.perform(.addLink(.bridge, .init(name: "lan\(lan)", isUp: true)))
      let index = try #require(try routes.link(.name("lan\(lan)"))).index
      try routes.perform([
        .addAddress(.init(interface: index, IPAddress("192.168.\(lan).254")!, prefixLength: 24)),
        .addAddress(.init(interface: index, IPAddress("fd77:0:0:\(lan)::fe")!, prefixLength: 64)),
      ])
    }
  }

  deinit { try? Files.removeTree(folder) }

  /// A router, whose links can be used without waiting for duplicate address detection.
  private static func settings(_ namespace: NetworkNamespace) throws {
    for name in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] { try Sysctl.write(name, "1", in: namespace) }
    try Sysctl.write("net/ipv6/conf/default/accept_dad", "0", in: namespace)
  }

  static func address(_ number: Int, lan: Int, _ family: IPFamily) -> IPAddress {
    IPAddress(family == .v4 ? "192.168.\(lan).\(number)" : "fd77:0:0:\(lan)::\(number)")!
  }

  /// A node `n<number>` in a subnet, with addresses of the underlay's families and pods of the others.
  @discardableResult
  func add(
    _ number: Int, lan: Int = 1, underlay: [IPFamily] = [.v4], pods: [IPFamily] = [.v4], ranges: Int = 1,
    mode: RoutingMode = .vxlan
  ) throws -> TestNode {
    let name = "n\(number)"
    let namespace = try NetworkNamespace.create()
    try Self.settings(namespace)
    let own = try RouteSocket(namespace: namespace)
    let lanIndex = try #require(try routes.link(.name("lan\(lan)"))).index
    try routes.perform(
      .addLink(.veth(peer: .init(name: "eth0"), in: namespace), .init(name: name, master: lanIndex, isUp: true)))
    try own.perform([.setLink(.name("eth0"), .init(isUp: true)), .setLink(.name("lo"), .init(isUp: true))])
    let eth0 = try #require(try own.link(.name("eth0"))).index
    let loopback = try #require(try own.link(.name("lo"))).index
    var object = Node(name: name)
    for family in underlay {
      let address = Self.address(number, lan: lan, family)
      object.addresses.append(address)
      try own.perform([
        .addAddress(.init(interface: eth0, address, prefixLength: family == .v4 ? 24 : 64)),
        .addRoute(
          Route(
            Prefix(family == .v4 ? "0.0.0.0/0" : "::/0")!, gateway: Self.address(254, lan: lan, family).gateway(lan),
            interface: eth0, protocolNumber: 4)),
      ])
    }
    for range in 0..<ranges {
      for family in pods {
        let prefix =
          family == .v4
          ? Prefix("10.244.\(number + 100 * range).0/24")! : Prefix("fd00:10:244:\(number + 100 * range)::/64")!
        object.podRanges.append(prefix)
        try own.perform(
          .addAddress(.init(interface: loopback, prefix.address(at: 5)!, prefixLength: family.bits)))
      }
    }
    let node = try TestNode(name, namespace, object, mode: mode, keyFile: "\(folder)/\(name).key", linkGrace: linkGrace)
    nodes[name] = node
    return node
  }

  var objects: [Node] { nodes.values.map(\.object) }

  /// Every agent announces itself and learns of the others.
  func settle() throws {
    for node in nodes.values {
      try node.router.synchronize([node.object])
      node.announce()
    }
    for node in nodes.values { try node.router.synchronize(objects) }
    for node in nodes.values where node.announce() { try publish(node) }
  }

  /// One node's object has changed: every agent hears of it, and
  /// every agent hears of what they announce for it, too.
  func publish(_ node: TestNode) throws {
    node.announce()
    var changed = [node]
    var count = 0
    while let next = changed.popLast() {
      count += 1
      try #require(count < 20, "agents announce something new for ever")
      for other in nodes.values { try other.router.apply([(next.name, next.object)]) }
      changed += nodes.values.filter { $0.announce() }
    }
  }

  /// What an oracle says in JSON, run in a node.
  func oracle(_ node: String, _ command: String) throws -> [JSON] {
    let result = try run(node, command)
    return result.output.isEmpty ? [] : try JSON(parsing: result.standardOutput).elements
  }

  @discardableResult
  func run(_ node: String, _ command: String) throws -> ChildProcess.Result {
    try ChildProcess.run(
      command.split(separator: " ").map(String.init), namespace: try #require(nodes[node]).namespace)
  }

  /// From a pod of one node to a pod of another, not to be fragmented; `size` is that of the IP packet. Where an answer is
  /// expected there are several tries, since a busy machine may take its time; where silence is, one will do.
  func ping(
    _ from: String, _ to: String, _ family: IPFamily = .v4, range: Int = 0, size: Int = 84, tries: Int = 5
  ) throws -> Bool {
    let source = try #require(nodes[from]).pod(family)
    let target = try #require(nodes[to]).pod(family, range: range)
    let headers = family == .v4 ? 28 : 48
    let command = "ping -c 1 -W 1 -M do -s \(size - headers) -I \(source) \(target)"
    for _ in 0..<tries where try run(from, command).status.isSuccess { return true }
    return false
  }

  /// 1 MiB over TCP from pod to pod, read back whole.
  func tcp(_ from: String, _ to: String, _ family: IPFamily = .v4) throws -> Bool {
    let server = try #require(nodes[to])
    let client = try #require(nodes[from])
    let address = server.pod(family)
    let listener =
      "import socket,sys; f=socket.AF_INET6 if ':' in '\(address)' else socket.AF_INET; s=socket.socket(f);"
      + "s.setsockopt(1,2,1); s.bind(('\(address)',7777)); s.listen(); print('ready',flush=True); c,_=s.accept(); n=0\n"
      + "while True:\n b=c.recv(65536)\n if not b: break\n n+=len(b)\nc.sendall(str(n).encode()); c.close()"
    let sender =
      "import socket; f=socket.AF_INET6 if ':' in '\(address)' else socket.AF_INET; s=socket.socket(f); s.settimeout(10);"
      + "s.bind(('\(client.pod(family))',0)); s.connect(('\(address)',7777)); s.sendall(b'x'*1048576);"
      + "s.shutdown(1); print(s.recv(100).decode())"
    let serverNamespace = server.namespace
    let thread = Thread("listener") {
      _ = try? ChildProcess.run(["timeout", "20", "python3", "-c", listener], namespace: serverNamespace)
    }
    defer { thread.join() }
    for _ in 0..<100 {
      let result = try ChildProcess.run(["python3", "-c", sender], namespace: client.namespace)
      if result.status.isSuccess { return result.output.contains("1048576") }
    }
    return false
  }
}

extension IPAddress {
  /// The router's address in a subnet.
  fileprivate func gateway(_ lan: Int) -> IPAddress {
    family == .v4 ? self : IPAddress("fd77:0:0:\(lan)::fe")!
  }
}
