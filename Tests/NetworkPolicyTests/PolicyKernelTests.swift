import Addressing
import ClusterModel
import Glibc
import JSON
import Kubernetes
import Linux
import NetworkPolicy
import Testing

/// The policy table in a real kernel, judged by real packets.
@Suite(.serialized) struct PolicyKernelTests {
  typealias Connection = (from: String, to: String, transport: TransportProtocol, port: UInt16)

  /// How long a packet that is not dropped may take, in milliseconds; a dropped one is waited for as long.
  static let patience: CInt = 400

  /// Tries connections all at once and says which ones got through: TCP by its handshake, UDP by one datagram.
  func probe(_ network: PolicyTestNetwork, _ connections: [Connection]) throws -> [Bool] {
    var servers: [String: Endpoint] = [:]
    var clients: [Endpoint] = []
    for (from, to, transport, port) in connections {
      let key = "\(to) \(transport) \(port)"
      if servers[key] == nil {
        let server = try Endpoint(network, to, port: port, transport)
        if transport == .tcp { try server.listen() }
        servers[key] = server
      }
      let client = try Endpoint(network, from, transport)
      client.connect(to, port)
      clients.append(client)
    }
    for (index, connection) in connections.enumerated() where connection.transport == .udp {
      clients[index].send(UInt8(truncatingIfNeeded: index))
    }
    usleep(UInt32(Self.patience) * 1000)
    var datagrams: Set<UInt8> = []
    for server in servers.values { while let byte = server.receive(timeout: 0) { datagrams.insert(byte) } }
    return connections.enumerated().map { index, connection in
      connection.transport == .udp
        ? datagrams.contains(UInt8(truncatingIfNeeded: index)) : clients[index].isConnected
    }
  }

  /// A TCP connection with both ends, over which bytes can be sent either way.
  func connect(_ network: PolicyTestNetwork, _ from: String, _ to: String, _ port: UInt16) throws -> (
    Endpoint, Endpoint
  ) {
    let server = try Endpoint(network, to, port: port, .tcp)
    try server.listen()
    let client = try Endpoint(network, from, .tcp)
    client.connect(to, port)
    return (client, try #require(server.accept(timeout: 2000)))
  }

  /// Every row of the API's table with packets through one node. Ends on the other node count where its own policies,
  /// which this node does not enforce, let them pass.
  @Test func packetsSayWhatTheAPISays() throws {
    let network = try PolicyTestNetwork("api")
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    var tried = 0
    for test in VerdictTests.cases {
      let cluster = try VerdictTests.cluster(of: test)
      try enforcer.sync(cluster.state)
      let other = ["n1": PolicyTable(), "n2": cluster.tables["n2"]!]
      let real = test.connections.filter { from, to, transport, port, _ in
        (transport == .tcp || transport == .udp) && from != to && network.home(from) != nil && network.home(to) != nil
          && network.home(from) !== network.home(to) && cluster.judge(other, from, to, transport, port)
      }
      let results = try probe(network, real.map { ($0.0, $0.1, $0.2!, $0.3) })
      for (connection, passed) in zip(real, results) {
        #expect(passed == connection.4, "\(test.name): \(connection)")
      }
      tried += real.count
    }
    #expect(tried > 60)
  }

  /// The same again by changes: each case's policies appear and vanish while the table stands.
  @Test func changesSayTheSame() throws {
    let network = try PolicyTestNetwork("chg")
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    let cluster = try VerdictTests.cluster()
    try enforcer.sync(cluster.state)
    let empty = try network.nft("list", "table", "inet", PolicyEnforcer.tableName)
    for test in VerdictTests.cases {
      let keys = try VerdictTests.add(test, to: cluster)
      #expect(try enforcer.update(keys, cluster.state).map { "\($0)" } == nil)
      let real = test.connections.filter { [VerdictTests.web, VerdictTests.cli, VerdictTests.db].contains($0.0) }
        .filter { [VerdictTests.web, VerdictTests.cli, VerdictTests.db].contains($0.1) && $0.0 != $0.1 }
        .filter { $0.2 == .tcp || $0.2 == .udp }
      let results = try probe(network, real.map { ($0.0, $0.1, $0.2!, $0.3) })
      for (connection, passed) in zip(real, results) { #expect(passed == connection.4, "\(test.name): \(connection)") }
      for case .policy(let id) in keys { cluster.remove(.networkPolicy, id.namespace, id.name) }
      try enforcer.update(keys, cluster.state)
    }
    // Nothing is left behind: only the generation differs.
    func withoutGeneration(_ text: String) -> [Substring] {
      text.split(separator: "\n").filter { !$0.contains("mark") && !$0.contains("elements = { 0x") }
        .map { $0.contains("counter") ? $0.prefix { $0 != "c" } : $0 }
    }
    let left = try network.nft("list", "table", "inet", PolicyEnforcer.tableName)
    #expect(withoutGeneration(left) == withoutGeneration(empty))
  }

  @Test func aPolicyCutsEstablishedFlowsAndSparesAllowedOnes() throws {
    let network = try PolicyTestNetwork("cut")
    let cluster = try VerdictTests.cluster()
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    try enforcer.sync(cluster.state)
    let (cut, cutServer) = try connect(network, VerdictTests.cli, VerdictTests.web, 80)
    let (kept, keptServer) = try connect(network, VerdictTests.db, VerdictTests.web, 81)
    let (far, farServer) = try connect(network, "203.0.113.5", VerdictTests.web, 82)
    for (client, server) in [(cut, cutServer), (kept, keptServer), (far, farServer)] {
      client.send(1)
      #expect(server.receive(timeout: 2000) == 1)
    }
    let key = try cluster.policy(
      "a", "p", #"{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"db"}}}]}]}"#)
    try enforcer.update([key], cluster.state)
    for end in [cut, cutServer, far, farServer] { end.send(2) }
    for round in UInt8(3)..<6 {
      kept.send(round)
      #expect(keptServer.receive(timeout: 2000) == round)
      keptServer.send(round)
      #expect(kept.receive(timeout: 2000) == round)
    }
    for end in [cut, cutServer, far, farServer] { #expect(end.receive(timeout: Self.patience) == nil) }
    // Once allowed again the flow goes on where it was: TCP sends anew.
    cluster.remove(.networkPolicy, "a", "p")
    try enforcer.update([key], cluster.state)
    #expect(cutServer.receive(timeout: 10_000) == 2)
  }

  @Test func aLabelOpensAndClosesAtOnce() throws {
    let network = try PolicyTestNetwork("lbl")
    let cluster = try VerdictTests.cluster()
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    try cluster.policy(
      "a", "p",
      #"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{},"podSelector":{"matchLabels":{"ok":"1"}}}]}]}"#)
    try enforcer.sync(cluster.state)
    let connection: [Connection] = [(VerdictTests.cli, VerdictTests.web, .tcp, 80)]
    #expect(try probe(network, connection) == [false])
    let open = cluster.pod("b", "cli", ["ok": "1"], node: "n1", VerdictTests.cli, VerdictTests.cli6)
    let before = enforcer.generation
    try enforcer.update([open], cluster.state)
    #expect(try probe(network, connection) == [true])
    #expect(enforcer.generation == before)  // only elements were added: nobody is judged again
    let (client, server) = try connect(network, VerdictTests.cli, VerdictTests.web, 81)
    cluster.pod("b", "cli", [:], node: "n1", VerdictTests.cli, VerdictTests.cli6)
    try enforcer.update([open], cluster.state)
    client.send(1)
    #expect(server.receive(timeout: Self.patience) == nil)
    #expect(try probe(network, connection) == [false])
    // A label of the namespace does the same.
    let key = try cluster.policy(
      "a", "p", #"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"ok":"1"}}}]}]}"#)
    try enforcer.update([key], cluster.state)
    #expect(try probe(network, connection) == [false])
    try enforcer.update([cluster.namespace("b", ["ok": "1"])], cluster.state)
    #expect(try probe(network, connection) == [true])
  }

  @Test func nothingIsOpenBeforeTheFirstSync() throws {
    let network = try PolicyTestNetwork("cls")
    let cluster = try VerdictTests.cluster()
    let connections: [Connection] = [
      (VerdictTests.cli, VerdictTests.web, .tcp, 80), ("203.0.113.5", VerdictTests.web, .tcp, 80),
      (VerdictTests.cli6, VerdictTests.web6, .tcp, 80), (VerdictTests.web, "203.0.113.5", .udp, 53),
      ("192.168.0.1", VerdictTests.web, .tcp, 81), (VerdictTests.web, "192.168.0.1", .tcp, 81),
    ]
    #expect(try probe(network, connections) == [true, true, true, true, true, true])
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    try enforcer.close(cluster.state.nodes["n1"]!.podRanges)
    #expect(try probe(network, connections) == [false, false, false, false, true, true])
    try enforcer.sync(cluster.state)
    #expect(try probe(network, connections) == [true, true, true, true, true, true])
  }

  @Test func aRestartDisturbsNoFlowAndOpensNothing() throws {
    let network = try PolicyTestNetwork("rst")
    let cluster = try VerdictTests.cluster()
    try cluster.policy("a", "p", #"{"podSelector":{},"ingress":[{"ports":[{"port":80}]}]}"#)
    let first = try PolicyEnforcer(node: "n1", namespace: network.node)
    try first.sync(cluster.state)
    let (client, server) = try connect(network, VerdictTests.cli, VerdictTests.web, 80)
    let second = try PolicyEnforcer(node: "n1", namespace: network.node)
    #expect(second.generation == first.generation)
    try second.close(cluster.state.nodes["n1"]!.podRanges)  // a table stands: it goes on
    client.send(1)
    #expect(server.receive(timeout: 2000) == 1)
    for round in UInt8(2)..<5 {
      try second.sync(cluster.state)
      client.send(round)
      #expect(server.receive(timeout: 2000) == round)
    }
    #expect(second.generation == first.generation + 3)
    #expect(try probe(network, [(VerdictTests.cli, VerdictTests.web, .tcp, 81)]) == [false])
  }

  @Test func damageByOthersIsRepaired() throws {
    let network = try PolicyTestNetwork("rep")
    let cluster = try VerdictTests.cluster()
    try cluster.policy("a", "p", #"{"podSelector":{}}"#)
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    try enforcer.sync(cluster.state)
    let connection: [Connection] = [(VerdictTests.cli, VerdictTests.web, .tcp, 80)]
    let (client, server) = try connect(network, VerdictTests.web, VerdictTests.cli, 90)
    #expect(try probe(network, connection) == [false])
    _ = try network.nft("flush", "ruleset")
    #expect(try probe(network, connection) == [true])
    try enforcer.repair()
    #expect(try probe(network, connection) == [false])
    client.send(1)
    #expect(server.receive(timeout: 2000) == 1)
    // A change that meets a damaged table replaces it.
    _ = try network.nft("flush", "ruleset")
    #expect(try enforcer.update([try cluster.policy("b", "q", #"{"podSelector":{}}"#)], cluster.state) != nil)
    #expect(try probe(network, connection + [(VerdictTests.db, VerdictTests.cli, .tcp, 90)]) == [false, false])
    try enforcer.remove()
    #expect(try network.nft("list", "ruleset") == "")
  }

  /// A Service's address is translated before policy looks: the backend's address and port count, and a pod may reach
  /// itself by way of its Service whatever the policies say.
  @Test func policyJudgesTheTranslatedTuple() throws {
    let network = try PolicyTestNetwork("nat")
    let cluster = try VerdictTests.cluster()
    try cluster.policy(
      "a", "p",
      #"{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.1.0.20/32"}}],"ports":[{"port":8080}]}],"egress":[]}"#
    )
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    try enforcer.sync(cluster.state)
    let rules = """
      table ip nat {
        chain prerouting { type nat hook prerouting priority dstnat
          ip daddr 10.96.0.1 tcp dport 80 dnat to 10.1.0.10:8080
        }
        chain postrouting { type nat hook postrouting priority srcnat
          ip saddr 10.1.0.10 ip daddr 10.1.0.10 masquerade
        }
      }
      """
    _ = try ChildProcess.run(["nft", "-f", "-"], input: Array(rules.utf8), namespace: network.node)
    let server = try Endpoint(network, VerdictTests.web, port: 8080, .tcp)
    try server.listen()
    let allowed = try Endpoint(network, VerdictTests.cli, .tcp)
    let itself = try Endpoint(network, VerdictTests.web, .tcp)
    let denied = try Endpoint(network, VerdictTests.db, .tcp)
    for client in [allowed, itself, denied] { client.connect("10.96.0.1", 80) }
    let accepted = [server.accept(timeout: 2000), server.accept(timeout: 2000)]
    #expect(accepted.allSatisfy { $0 != nil } && allowed.isConnected && itself.isConnected)
    #expect(server.accept(timeout: Self.patience) == nil && !denied.isConnected)
    // Both directions of a judged flow are judged alike when the generation moves on.
    try enforcer.sync(cluster.state)
    for end in accepted { end?.send(7) }
    #expect(allowed.receive(timeout: 2000) == 7 && itself.receive(timeout: 2000) == 7)
  }

  /// nft lists what we wrote truthfully: what it prints makes the same table again, and sets hold what was compiled.
  @Test func nftListsTheTable() throws {
    let network = try PolicyTestNetwork("lst")
    let cluster = try VerdictTests.cluster()
    for test in VerdictTests.cases { _ = try VerdictTests.add(test, to: cluster, prefix: test.name.count.description) }
    let enforcer = try PolicyEnforcer(node: "n1", namespace: network.node)
    try enforcer.sync(cluster.state)
    let text = try network.nft("list", "ruleset")
    let check = try ChildProcess.run(
      ["nft", "-f", "-"], input: Array(("flush ruleset\n" + text).utf8), namespace: network.node)
    #expect(check.status == .exited(0), "\(check.errorOutput)")
    let counters = { (text: String) in text.split(separator: "\n").filter { !$0.contains("counter") } }
    #expect(counters(try network.nft("list", "ruleset")) == counters(text))
    let json = try JSON(parsing: try network.nft("-j", "list", "ruleset"))
    var elements: [String: Int] = [:]
    for entry in json["nftables"].elements {
      let set = entry["set"]
      if let name = set["name"].string { elements[name] = set["elem"].elements.count }
    }
    #expect(elements["known-ipv4"] == 3 && elements["known-ipv6"] == 2 && elements["self-ipv4"] == 3)
    #expect(elements["node-ranges-ipv4"] == 1 && elements["generation"] == 1)
    #expect(text.contains(#"comment "pods app=web in namespace a""#))
  }
}
