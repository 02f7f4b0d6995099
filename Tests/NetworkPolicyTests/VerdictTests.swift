import Addressing
import ClusterModel
import Kubernetes
import NetworkPolicy
import Testing

/// The rules of NetworkPolicy v1, one table: the evaluator and the compiled tables must both say what is expected.
@Suite struct VerdictTests {
  // The ends of the connections below.
  static let web = "10.1.0.10"  // a/web on n1: app=web, http=8080/TCP dns=53/UDP
  static let web6 = "fd00:1::10"
  static let web2 = "10.2.0.10"  // a/web2 on n2: app=web, http=9090/TCP
  static let db = "10.1.0.11"  // a/db on n1: app=db
  static let cli = "10.1.0.20"  // b/cli on n1: app=cli
  static let cli6 = "fd00:1::20"
  static let other = "10.2.0.20"  // b/other on n2: app=web
  static let node1 = "192.168.0.1"
  static let node2 = "192.168.0.2"
  static let outside = "203.0.113.5"

  static func cluster() throws -> Cluster {
    let cluster = Cluster()
    try cluster.node("n1", address: node1, ranges: "10.1.0.0/24", "fd00:1::/64")
    try cluster.node("n2", address: node2, ranges: "10.2.0.0/24", "fd00:2::/64")
    cluster.namespace("a", ["team": "red"])
    cluster.namespace("b", ["team": "blue"])
    cluster.pod("a", "web", ["app": "web"], node: "n1", web, web6, ports: "http:8080/TCP dns:53/UDP")
    cluster.pod("a", "web2", ["app": "web"], node: "n2", web2, ports: "http:9090/TCP")
    cluster.pod("a", "db", ["app": "db"], node: "n1", db)
    cluster.pod("a", "host", ["app": "cli"], node: "n2", node2, isHost: true)
    cluster.pod("b", "cli", ["app": "cli"], node: "n1", cli, cli6)
    cluster.pod("b", "other", ["app": "web"], node: "n2", other)
    return cluster
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// Policies of namespace a; `b:` in front makes one of namespace b.
    let policies: [String]
    /// `FROM TO PROTOCOL/PORT` → whether it is allowed.
    let connections: [(String, String, TransportProtocol?, UInt16, Bool)]
    var testDescription: String { name }

    init(_ name: String, _ policies: [String], _ connections: (String, String, TransportProtocol?, UInt16, Bool)...) {
      self.name = name
      self.policies = policies
      self.connections = connections
    }
  }

  static let selectsWeb = #""podSelector":{"matchLabels":{"app":"web"}}"#

  static let cases: [Case] = [
    Case("no policy: everything passes", [], (cli, web, .tcp, 80, true), (outside, web, nil, 0, true)),
    Case(
      "default deny isolates all pods of its namespace, in its direction", [#"{"podSelector":{}}"#],
      (cli, web, .tcp, 80, false), (cli6, web6, .tcp, 80, false), (cli, db, .udp, 1, false), (web, db, .tcp, 1, false),
      (web, cli, .tcp, 80, true), (cli, other, .tcp, 80, true), (outside, web, nil, 0, false)),
    Case(
      "no podSelector selects every pod", ["{}"], (cli, web, .tcp, 80, false), (cli, other, .tcp, 80, true)),
    Case(
      "egress deny", [#"{"podSelector":{},"policyTypes":["Egress"]}"#],
      (web, cli, .tcp, 80, false), (web6, cli6, .tcp, 80, false), (cli, web, .tcp, 80, true),
      (web, outside, .udp, 53, false), (web, db, .tcp, 80, false)),
    Case(
      "egress rules alone isolate both ways", [#"{"podSelector":{},"egress":[{}]}"#],
      (web, cli, .tcp, 80, true), (cli, web, .tcp, 80, false)),
    Case(
      "an empty rule allows everything", [#"{"podSelector":{},"ingress":[{}]}"#],
      (cli, web, .tcp, 80, true), (outside, web, nil, 0, true), (outside, web, .sctp, 1, true)),
    Case(
      "empty lists are like none", [#"{"podSelector":{},"ingress":[{"from":[],"ports":[]}]}"#],
      (cli, web, .tcp, 80, true)),
    Case(
      "union of policies",
      [
        #"{"podSelector":{}}"#, #"{\#(selectsWeb),"ingress":[{"ports":[{"port":80}]}]}"#,
        #"{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"db"}}}]}]}"#,
      ],
      (cli, web, .tcp, 80, true), (cli, web, .tcp, 81, false), (db, web, .tcp, 81, true), (cli, db, .tcp, 80, false)),
    Case(
      "source egress and destination ingress must both allow",
      [
        #"{\#(selectsWeb),"ingress":[{}]}"#,
        #"b:{"podSelector":{},"policyTypes":["Egress"],"egress":[{"ports":[{"port":80}]}]}"#,
      ],
      (cli, web, .tcp, 80, true), (cli, web, .tcp, 81, false), (outside, web, .tcp, 81, true)),
    Case(
      "podSelector alone is the policy's own namespace",
      [#"{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"web"}}}]}]}"#],
      (web, db, .tcp, 1, true), (web2, db, .tcp, 1, true), (other, db, .tcp, 1, false), (cli, db, .tcp, 1, false)),
    Case(
      "namespaceSelector alone is all pods of the namespaces",
      [#"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"blue"}}}]}]}"#],
      (cli, web, .tcp, 1, true), (other, web, .tcp, 1, true), (db, web, .tcp, 1, false), (cli6, web6, .tcp, 1, true),
      (outside, web, .tcp, 1, false), (node2, web, .tcp, 1, false)),
    Case(
      "both selectors in one peer mean and",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"blue"}},"podSelector":{"matchLabels":{"app":"web"}}}]}]}"#
      ],
      (other, web, .tcp, 1, true), (cli, web, .tcp, 1, false), (web2, web, .tcp, 1, false)),
    Case(
      "two peers mean or",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"team":"blue"}}},{"podSelector":{"matchLabels":{"app":"web"}}}]}]}"#
      ],
      (other, db, .tcp, 1, true), (cli, db, .tcp, 1, true), (web, db, .tcp, 1, true), (db, web, .tcp, 1, false)),
    Case(
      "an empty namespaceSelector is every pod of the cluster, no one else",
      [#"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{}}]}]}"#],
      (cli, web, .tcp, 1, true), (web2, web, .tcp, 1, true), (outside, web, .tcp, 1, false)),
    Case(
      "namespaces by their own name",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"b"}}}]}]}"#
      ],
      (cli, web, .tcp, 1, true), (db, web, .tcp, 1, false)),
    Case(
      "expressions",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]}}]}]}"#
      ],
      (db, web, .tcp, 1, true), (web2, web, .tcp, 1, false)),
    Case(
      "ipBlock with except, matching pods too",
      [#"{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.16/28"]}}]}]}"#],
      (web2, web, .tcp, 1, true), (cli, web, .tcp, 1, false), (outside, web, .tcp, 1, false),
      (cli6, web6, .tcp, 1, false)),
    Case(
      "except subtracts from its own block only",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/24"]}},{"ipBlock":{"cidr":"10.1.0.20/32"}}]}]}"#
      ],
      (cli, web, .tcp, 1, true), (db, web, .tcp, 1, false), (other, web, .tcp, 1, true)),
    Case(
      "blocks that end at the last address, and IPv6 ones",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8"]}},{"ipBlock":{"cidr":"::/0","except":["fd00:1::10/124","fd00:1::20/128"]}}]}]}"#
      ],
      (outside, web, .tcp, 1, true), (db, web, .tcp, 1, false), (cli6, web6, .tcp, 1, false),
      ("2001:db8::1", web6, .tcp, 1, true), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", web6, .tcp, 1, true),
      ("255.255.255.254", web, .tcp, 1, true)),
    Case(
      "named ports differ from pod to pod", [#"{"podSelector":{},"ingress":[{"ports":[{"port":"http"}]}]}"#],
      (cli, web, .tcp, 8080, true), (cli, web, .tcp, 9090, false), (cli, web2, .tcp, 9090, true),
      (cli, web2, .tcp, 8080, false), (cli, db, .tcp, 8080, false), (cli, web, .udp, 8080, false),
      (cli6, web6, .tcp, 8080, true)),
    Case(
      "named ports by protocol", [#"{"podSelector":{},"ingress":[{"ports":[{"port":"dns","protocol":"UDP"}]}]}"#],
      (cli, web, .udp, 53, true), (cli, web, .tcp, 53, false)),
    Case(
      "named ports in egress are the destination's, never a stranger's",
      [
        #"{"podSelector":{"matchLabels":{"app":"db"}},"policyTypes":["Egress"],"egress":[{"ports":[{"port":"http"}]}]}"#
      ],
      (db, web, .tcp, 8080, true), (db, web2, .tcp, 9090, true), (db, web2, .tcp, 8080, false),
      (db, outside, .tcp, 8080, false)),
    Case(
      "named ports with egress peers",
      [
        #"{"podSelector":{"matchLabels":{"app":"db"}},"policyTypes":["Egress"],"egress":[{"to":[{"podSelector":{"matchLabels":{"app":"web"}}},{"ipBlock":{"cidr":"10.2.0.0/24"}}],"ports":[{"port":"http"},{"port":443}]}]}"#
      ],
      (db, web, .tcp, 8080, true), (db, web, .tcp, 443, true), (db, web2, .tcp, 9090, true),
      (db, other, .tcp, 443, true), (db, other, .tcp, 9090, false), (db, cli, .tcp, 443, false)),
    Case(
      "port ranges are inclusive", [#"{"podSelector":{},"ingress":[{"ports":[{"port":8000,"endPort":8010}]}]}"#],
      (cli, web, .tcp, 7999, false), (cli, web, .tcp, 8000, true), (cli, web, .tcp, 8010, true),
      (cli, web, .tcp, 8011, false), (cli, web, .udp, 8005, false)),
    Case(
      "several ports, a range of one, and a whole protocol",
      [
        #"{"podSelector":{},"ingress":[{"ports":[{"port":80},{"port":443},{"port":5,"endPort":5},{"protocol":"UDP"}]}]}"#
      ],
      (cli, web, .tcp, 80, true), (cli, web, .tcp, 443, true), (cli, web, .tcp, 5, true), (cli, web, .tcp, 6, false),
      (cli, web, .udp, 6, true), (cli, web, nil, 0, false)),
    Case(
      "SCTP never opens TCP but isolates",
      [#"{"podSelector":{},"ingress":[{"ports":[{"protocol":"SCTP","port":80}]}]}"#],
      (cli, web, .sctp, 80, true), (cli, web, .tcp, 80, false)),
    Case(
      "host-network pods are their node, for selectors and as subjects",
      [
        #"{"podSelector":{},"ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"cli"}}}]}],"policyTypes":["Ingress","Egress"]}"#
      ],
      (node2, web, .tcp, 1, false), (node2, outside, .tcp, 1, true), (outside, node2, .tcp, 1, true)),
    Case(
      "the own node is exempt, other nodes are not",
      [#"{"podSelector":{},"policyTypes":["Ingress","Egress"]}"#],
      (node1, web, .tcp, 1, true), ("10.1.0.1", web, .tcp, 1, true), (web, node1, .tcp, 1, true),
      (node2, web, .tcp, 1, false), (web, node2, .tcp, 1, false)),
    Case(
      "a pod reaches itself", [#"{"podSelector":{},"policyTypes":["Ingress","Egress"]}"#],
      (web, web, .tcp, 1, true), (web6, web6, .tcp, 1, true)),
    Case(
      "unknown addresses of a node's range are closed", [],
      (cli, "10.1.0.99", .tcp, 1, false), ("10.1.0.99", cli, .tcp, 1, false), (outside, "10.1.0.99", .tcp, 1, false)),
  ]

  static func cluster(of test: Case) throws -> Cluster {
    let cluster = try cluster()
    _ = try add(test, to: cluster)
    return cluster
  }

  static func add(_ test: Case, to cluster: Cluster, prefix: String = "p") throws -> [ChangeKey] {
    try test.policies.enumerated().map { index, policy in
      let isOther = policy.hasPrefix("b:")
      return try cluster.policy(
        isOther ? "b" : "a", "\(prefix)\(index)", String(policy.dropFirst(isOther ? 2 : 0)))
    }
  }

  @Test(arguments: cases)
  func evaluatorAndTablesAgreeWithTheAPI(test: Case) throws {
    let cluster = try Self.cluster(of: test)
    let tables = cluster.tables
    for (from, to, transport, port, expected) in test.connections {
      let verdict = cluster.evaluate(from, to, transport, port)
      #expect(verdict.isAllowed == expected, "evaluator: \(from) \(to) \(port): \(verdict)")
      #expect(cluster.judge(tables, from, to, transport, port) == expected, "tables: \(from) \(to) \(port)")
    }
  }

  @Test func verdictsNameTheRule() throws {
    let cluster = try Self.cluster()
    try cluster.policy("a", "deny", #"{"podSelector":{}}"#)
    try cluster.policy("a", "web", #"{\#(Self.selectsWeb),"ingress":[{"ports":[{"port":1}]},{"ports":[{"port":80}]}]}"#)
    let (a, deny) = (NamespacedName("a", "web"), NamespacedName("a", "deny"))
    #expect(cluster.evaluate(Self.cli, Self.web, .tcp, 80).ingress == .allowed(by: a, rule: 1))
    #expect(cluster.evaluate(Self.cli, Self.web, .tcp, 80).egress == .notIsolated)
    #expect(cluster.evaluate(Self.cli, Self.web, .tcp, 90).ingress == .denied(by: [deny, a]))
    #expect(cluster.evaluate(Self.outside, Self.db, .tcp, 90).egress == .notAPod)
    #expect(
      cluster.evaluate(Self.cli, Self.web, .tcp, 90).ingress.description
        == "isolated by a/deny, a/web; no rule allows it")
    #expect(cluster.tables["n1"]!.chains[PolicyChain(.ingress, [deny, a])]?.map(\.index) == [0, 1])
  }
}
