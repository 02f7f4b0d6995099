import Addressing
import ClusterModel
import Diagnosis
import Kubernetes
import Testing

/// The documented rules of NetworkPolicy v1, each with a case for and a case against.
@Suite struct PolicyPredictionTests {
  static func pod(_ namespace: String, _ name: String, address: String, hostNetwork: Bool = false) -> Pod {
    var pod = Pod(id: NamespacedName(namespace, name))
    pod.labels = ["app": name]
    pod.addresses = [IPAddress(address)!]
    pod.isHostNetwork = hostNetwork
    pod.namedPorts = [Pod.NamedPort(name: "http", transport: .tcp, number: 8080)]
    return pod
  }

  static let web = pod("shop", "web", address: "10.244.1.2")
  static let cart = pod("shop", "cart", address: "10.244.2.2")
  static let other = pod("other", "web", address: "10.244.2.3")
  static let host = pod("shop", "host", address: "192.168.77.11", hostNetwork: true)

  static func policy(
    selects: [String: String] = [:], ingress: [NetworkPolicy.Rule]? = nil, egress: [NetworkPolicy.Rule]? = nil
  ) -> NetworkPolicy {
    NetworkPolicy(
      id: NamespacedName("shop", "policy"), selector: LabelSelector(matchLabels: selects), ingress: ingress,
      egress: egress)
  }

  static func peer(_ labels: [String: String], namespaces: [String: String]? = nil) -> NetworkPolicy.Peer {
    .pods(
      selector: LabelSelector(matchLabels: labels), namespaces: namespaces.map { LabelSelector(matchLabels: $0) })
  }

  struct Case: Sendable {
    var policies: [NetworkPolicy]
    var client = web
    var server = cart
    var transport = TransportProtocol.tcp
    var port: UInt16 = 8080
    var isAllowed: Bool
  }

  @Test(arguments: [
    Case(policies: [], isAllowed: true),
    Case(policies: [policy(ingress: [])], isAllowed: false),
    Case(policies: [policy(egress: [])], isAllowed: false),
    Case(policies: [policy(ingress: [])], server: other, isAllowed: true),
    Case(policies: [policy(selects: ["app": "web"], ingress: [])], isAllowed: true),
    Case(policies: [policy(ingress: [.init()])], isAllowed: true),
    Case(policies: [policy(ingress: []), policy(ingress: [.init()])], isAllowed: true),
    Case(policies: [policy(ingress: [.init(peers: [peer(["app": "web"])])])], isAllowed: true),
    Case(policies: [policy(ingress: [.init(peers: [peer(["app": "web"])])])], client: other, isAllowed: false),
    Case(
      policies: [policy(ingress: [.init(peers: [peer([:], namespaces: ["team": "b"])])])], client: other,
      isAllowed: true),
    Case(policies: [policy(ingress: [.init(peers: [peer([:], namespaces: ["team": "b"])])])], isAllowed: false),
    Case(policies: [policy(ingress: [.init(ports: [.init(port: .number(8080))])])], isAllowed: true),
    Case(policies: [policy(ingress: [.init(ports: [.init(port: .number(81))])])], isAllowed: false),
    Case(policies: [policy(ingress: [.init(ports: [.init(port: .number(8000), endPort: 8080)])])], isAllowed: true),
    Case(policies: [policy(ingress: [.init(ports: [.init(port: .number(8000), endPort: 8079)])])], isAllowed: false),
    Case(policies: [policy(ingress: [.init(ports: [.init(port: .name("http"))])])], isAllowed: true),
    Case(policies: [policy(ingress: [.init(ports: [.init(port: .name("metrics"))])])], isAllowed: false),
    Case(policies: [policy(ingress: [.init(ports: [.init()])])], isAllowed: true),
    Case(policies: [policy(ingress: [.init(ports: [.init()])])], transport: .udp, isAllowed: false),
    Case(
      policies: [policy(ingress: [.init(peers: [.block(Prefix("10.244.0.0/16")!, except: [])])])], isAllowed: true),
    Case(
      policies: [
        policy(ingress: [.init(peers: [.block(Prefix("10.244.0.0/16")!, except: [Prefix("10.244.1.0/24")!])])])
      ], isAllowed: false),
    Case(policies: [policy(ingress: [], egress: [])], client: cart, isAllowed: true),
    Case(policies: [policy(ingress: [.init(peers: [peer([:])])])], client: host, isAllowed: false),
    Case(policies: [policy(ingress: [], egress: [])], client: other, server: host, isAllowed: true),
  ]) func verdicts(_ example: Case) {
    var b = Namespace(name: "other")
    b.labels = ["team": "b"]
    let prediction = PolicyPrediction(
      namespaces: ["shop": Namespace(name: "shop"), "other": b], policies: example.policies)
    let verdict = prediction.verdict(
      from: example.client, to: example.server, example.transport, port: example.port)
    #expect(verdict.isAllowed == example.isAllowed, "\(verdict)")
  }
}
