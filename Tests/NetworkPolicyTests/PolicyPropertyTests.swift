import Addressing
import ClusterModel
import Kubernetes
import NetworkPolicy
import Testing

/// Random clusters: the compiled tables say what the evaluator says, and a table changed step by step is the table
/// compiled at once.
@Suite struct PolicyPropertyTests {
  /// SplitMix64: the same clusters on every run.
  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }

  struct World {
    var random: Generator
    let cluster = Cluster()
    let namespaces = ["a", "b", "c"]

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    mutating func pick<Element>(_ values: [Element]) -> Element { values.randomElement(using: &random)! }

    mutating func labels() -> [String: String] {
      var labels: [String: String] = [:]
      for key in ["x", "y"] where chance(60) { labels[key] = pick(["1", "2", "3"]) }
      return labels
    }

    mutating func selector() -> String {
      switch Int.random(in: 0..<5, using: &random) {
      case 0: return "{}"
      case 1: return #"{"matchLabels":{"x":"\#(pick(["1", "2"]))"}}"#
      case 2: return #"{"matchExpressions":[{"key":"y","operator":"In","values":["1","\#(pick(["2", "3"]))"]}]}"#
      case 3: return #"{"matchExpressions":[{"key":"x","operator":"NotIn","values":["\#(pick(["1", "2"]))"]}]}"#
      default: return #"{"matchExpressions":[{"key":"y","operator":"\#(pick(["Exists", "DoesNotExist"]))"}]}"#
      }
    }

    mutating func peer() -> String {
      switch Int.random(in: 0..<5, using: &random) {
      case 0: return #"{"podSelector":\#(selector())}"#
      case 1: return #"{"namespaceSelector":\#(selector())}"#
      case 2: return #"{"namespaceSelector":\#(selector()),"podSelector":\#(selector())}"#
      case 3:
        let except = chance(60) ? #","except":["10.1.0.\#(pick([0, 8, 16]))/29","10.2.0.0/25"]"# : ""
        return #"{"ipBlock":{"cidr":"\#(pick(["10.0.0.0/8", "0.0.0.0/0", "10.0.0.0/14"]))"\#(except)}}"#
      default:
        return #"{"ipBlock":{"cidr":"fd00:\#(pick(["1", "2"]))::/64","except":["fd00:1::8/125"]}}"#
          .replacing("fd00:2::/64\",\"except\":[\"fd00:1::8/125\"]", with: "fd00:2::/64\"")
      }
    }

    mutating func port() -> String {
      let transport = chance(50) ? "" : #""protocol":"\#(pick(["TCP", "UDP", "SCTP"]))""#
      let comma = transport.isEmpty ? "" : ","
      switch Int.random(in: 0..<5, using: &random) {
      case 0: return "{\(transport)}"
      case 1: return #"{\#(transport)\#(comma)"port":"\#(pick(["http", "dns"]))"}"#
      case 2: return #"{\#(transport)\#(comma)"port":80,"endPort":\#(pick([80, 82]))}"#
      default: return #"{\#(transport)\#(comma)"port":\#(pick([80, 81, 83]))}"#
      }
    }

    mutating func rule(_ peers: String) -> String {
      var parts: [String] = []
      if chance(75) {
        let list = (0..<Int.random(in: 1...3, using: &random)).map { _ in peer() }
        parts.append(#""\#(peers)":[\#(list.joined(separator: ","))]"#)
      }
      if chance(60) {
        let list = (0..<Int.random(in: 1...3, using: &random)).map { _ in port() }
        parts.append(#""ports":[\#(list.joined(separator: ","))]"#)
      }
      return "{\(parts.joined(separator: ","))}"
    }

    mutating func policy() throws -> ChangeKey {
      var parts = [#""podSelector":\#(selector())"#]
      if chance(70) {
        let rules = (0..<Int.random(in: 0...2, using: &random)).map { _ in rule("from") }
        parts.append(#""ingress":[\#(rules.joined(separator: ","))]"#)
      }
      if chance(60) {
        let rules = (0..<Int.random(in: 0...2, using: &random)).map { _ in rule("to") }
        parts.append(#""egress":[\#(rules.joined(separator: ","))]"#)
      }
      if chance(50) { parts.append(#""policyTypes":["Ingress","Egress"]"#) }
      let id = (pick(namespaces), "p\(Int.random(in: 0..<4, using: &random))")
      if chance(20) {
        cluster.remove(.networkPolicy, id.0, id.1)
        return .policy(.init(id.0, id.1))
      }
      return try cluster.policy(id.0, id.1, "{\(parts.joined(separator: ","))}")
    }

    mutating func pod() -> ChangeKey {
      let (namespace, name) = (pick(namespaces), "q\(Int.random(in: 0..<6, using: &random))")
      if chance(15) {
        cluster.remove(.pod, namespace, name)
        return .pod(.init(namespace, name))
      }
      // Few addresses, so that pods take over each other's.
      let (node, host) = (pick([1, 2]), Int.random(in: 2..<20, using: &random))
      return cluster.pod(
        namespace, name, labels(), node: "n\(node)", "10.\(node).0.\(host)", "fd00:\(node)::\(host)",
        ports: pick(["", "http:80/TCP", "http:81/TCP dns:80/UDP", "dns:83/SCTP http:82/TCP http:83/TCP"]),
        phase: chance(10) ? "Succeeded" : "Running", isHost: chance(10))
    }

    mutating func step() throws -> ChangeKey {
      switch Int.random(in: 0..<20, using: &random) {
      case 0: return try cluster.node("n1", address: "192.168.0.1", ranges: "10.1.0.0/24", "fd00:1::/64")
      case 1: return try cluster.node("n1", address: "192.168.0.1", ranges: "10.1.0.0/24")
      case 2, 3:
        let name = pick(namespaces)
        if chance(20) {
          cluster.remove(.namespace, "", name)
          return .namespace(name)
        }
        return cluster.namespace(name, labels())
      case 4...9: return try policy()
      default: return pod()
      }
    }
  }

  @Test(arguments: 0..<30)
  func tablesSayWhatTheEvaluatorSays(seed: UInt64) throws {
    var world = World(random: Generator(state: seed))
    try world.cluster.node("n1", address: "192.168.0.1", ranges: "10.1.0.0/24", "fd00:1::/64")
    try world.cluster.node("n2", address: "192.168.0.2", ranges: "10.2.0.0/24", "fd00:2::/64")
    var models = ["n1": PolicyModel(node: "n1"), "n2": PolicyModel(node: "n2")]
    var published = ["n1": PolicyModel(node: "n1").table, "n2": PolicyModel(node: "n2").table]
    var keys: [ChangeKey] = [.node("n1"), .node("n2")]
    for _ in 0..<25 {
      for _ in 0..<Int.random(in: 1...6, using: &world.random) { keys.append(try world.step()) }
      for node in ["n1", "n2"] {
        let isChange = models[node]!.update(keys, from: world.cluster.state)
        let change = models[node]!.takeChange()
        if isChange { published[node]!.apply(change) } else { published[node] = models[node]!.table }
        let fresh = PolicyModel(node: node, compiling: world.cluster.state).table
        #expect(models[node]!.table == fresh)
        #expect(published[node]! == fresh)
      }
      keys = []
      try compare(&world, published)
    }
  }

  private func compare(_ world: inout World, _ tables: [String: PolicyTable]) throws {
    let isDual = world.cluster.state.nodes["n1"]!.podRanges.count == 2
    let owned = Set(
      world.cluster.state.pods.values.flatMap { world.cluster.state.pod(at: $0.addresses[0])?.addresses ?? [] })
    for _ in 0..<60 {
      let family: IPFamily = isDual && world.chance(50) ? .v6 : .v4
      var ends = owned.filter { $0.family == family }.sorted().map(\.description)
      ends += family == .v4 ? ["203.0.113.5", "192.168.0.2", "10.1.0.200", "10.0.0.9"] : ["2001:db8::1"]
      let (from, to) = (world.pick(ends), world.pick(ends))
      // Two pods with one address (one ends, one begins) are judged by one of them; which one is not the API's matter.
      let shared = [from, to].contains { end in
        let address = IPAddress(end)!
        return world.cluster.state.pods.values.filter {
          !$0.isHostNetwork && !$0.isTerminal && $0.addresses.contains(address)
        }.count > 1
      }
      if shared { continue }
      let transport = world.pick([TransportProtocol.tcp, .udp, .sctp, nil])
      let port = UInt16.random(in: 79...84, using: &world.random)
      let verdict = world.cluster.evaluate(from, to, transport, port)
      let judged = world.cluster.judge(tables, from, to, transport, port)
      #expect(judged == verdict.isAllowed, "\(from) → \(to) \(transport?.rawValue ?? "other")/\(port): \(verdict)")
    }
  }
}
