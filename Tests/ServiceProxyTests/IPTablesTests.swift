import Addressing
import ClusterModel
import Testing

@testable import ServiceProxy

/// Names, shares and rules of the iptables back end.
@Suite struct IPTablesTests {
  /// FIPS 180-4's examples, and one message of two blocks.
  static let examples = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ]

  @Test(arguments: examples) func digests(_ message: String, _ expected: String) {
    let hex = SHA256.digest(message.utf8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hex == expected)
  }

  /// Names that every cluster with kube-proxy shows.
  static let names = [
    ("default/kubernetes:https", TransportProtocol.tcp, "NPX46M4PTMTKRN6Y"),
    ("kube-system/kube-dns:dns", .udp, "TCOU7JCQXEZGVUNU"),
    ("kube-system/kube-dns:dns-tcp", .tcp, "ERIFXISQEP7F7OF4"),
  ]

  @Test(arguments: names) func chainNamesAreKubeProxys(
    _ comment: String, _ transport: TransportProtocol, _ name: String
  ) {
    #expect(SHA256.label(comment + transport.rawValue.lowercasedASCII) == name)
  }

  @Test func sharesAsIptablesPrintsThem() {
    #expect(IPTablesPort.probability(2) == "0.50000000000")
    #expect(IPTablesPort.probability(3) == "0.33333333349")
    #expect(IPTablesPort.probability(10) == "0.10000000009")
  }

  @Test func aNameCannotEndItsComment() {
    let key = FrontendKey(IPAddress("10.96.0.1")!, .tcp, 80)
    var frontend = WantedFrontend(
      comment: "default/web\" -j ACCEPT\n-A INPUT -j DROP", role: .cluster,
      inside: TargetChoice([Fixture.target("10.244.0.1")]))
    frontend.affinityTimeout = 60
    let value = ServiceState.Frontend(frontend, owner: NamespacedName("default", "web"))
    let layout = IPTablesLayout(.v4, ServiceProxyConfiguration(nodeName: "n"))
    let port = IPTablesPort(IPTablesPort.Key(key, value), [(key, value)], layout)
    for rule in Array(port.chains.values.joined()) + Array(port.rules.values.joined()) {
      #expect(rule.contains("default/web__-j_ACCEPT_-A_INPUT_-j_DROP") || rule.contains("-s 10.244.0.1/32"))
      #expect(!rule.contains("\n") && rule.split(separator: "\"", omittingEmptySubsequences: false).count == 3)
    }
  }

  /// Every line of a large difference is in one of its parts, in an order in which nothing leads to what is not there.
  @Test func partsOfALargeDifference() {
    func chain(_ kind: String, _ number: Int) -> String { "KUBE-\(kind)-\(number)" }
    var all = IPTablesDifference()
    for number in 0..<100 {
      all.written[chain("SEP", number)] = ["-j DNAT"]
      all.written[chain("SVC", number)] = ["-j \(chain("SEP", number))"]
      all.written[chain("EXT", number)] = ["-j \(chain("SVC", number))"]
      all.written[chain("FW", number)] = ["-j \(chain("EXT", number))"]
    }
    all.written["KUBE-SERVICES"] = (0..<100).map { "-j \(chain("FW", $0))" }
    for (index, kind) in ["SEP", "SVC", "EXT"].enumerated() {
      for number in 100..<150 + index { all.removed.insert(chain(kind, number)) }
    }
    all.removed.insert("KUBE-MARK-MASQ")
    all.inserted = [("PREROUTING", "-j KUBE-SERVICES")]
    #expect(all.parts(ofChains: 1000).count == 1)
    let parts = all.parts(ofChains: 30)
    #expect(parts.allSatisfy { $0.written.count + $0.removed.count <= 31 })
    var known: Set<String> = []
    for part in parts {
      known.formUnion(part.written.keys)
      for rule in part.written.values.joined() where rule != "-j DNAT" {
        #expect(known.contains(String(rule.dropFirst(3))), "\(rule) leads nowhere")
      }
      #expect(part.inserted.isEmpty || known.contains("KUBE-SERVICES"))
    }
    #expect(known == Set(all.written.keys).union(["KUBE-MARK-MASQ"]))
    #expect(parts.reduce(into: Set()) { $0.formUnion($1.removed) } == all.removed)
    // What leads to a chain goes before the chain.
    let order = parts.flatMap { part in
      ["EXT", "SVC", "SEP", "MARK"].filter { kind in
        part.removed.contains { $0.hasPrefix("KUBE-\(kind)") }
      }
    }
    let firsts = ["EXT", "SVC", "SEP", "MARK"].compactMap { order.firstIndex(of: $0) }
    #expect(firsts == firsts.sorted() && order.last == "MARK", "\(order)")
  }
}
