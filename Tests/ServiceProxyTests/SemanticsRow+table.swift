import JSON

extension SemanticsRow {
  private static func ask(
    _ place: String, _ address: String, _ port: Int, _ expected: Set<String>, _ mode: String = "tcp"
  ) -> Ask { Ask(place: place, mode: mode, address: address, port: port, expected: expected) }

  private static let silence: Set = ["TIMEOUT"]
  private static let refused: Set = ["ECONNREFUSED"]
  private static let terminating: JSON = ["conditions": ["ready": false, "serving": true, "terminating": true]]
  private static let unready: JSON = ["conditions": ["ready": false, "serving": false]]

  private static func hint(zone: String) -> JSON { ["hints": ["forZones": [["name": .string(zone)]]]] }
  private static func hint(node: String) -> JSON { ["hints": ["forNodes": [["name": .string(node)]]]] }

  /// Pod client is 10.244.0.9, the node 10.244.0.1 and 192.0.2.1, the world 192.0.2.2; b1 and b2 are this node's, far is
  /// another's. The node is in zone z1.
  static let table: [SemanticsRow] = clusterRows + outerRows

  private static let clusterRows: [SemanticsRow] = [
    .init(
      "ClusterIP, both families", web(), slices(11, 12),
      [
        ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "b2 10.244.0.9"]),
        ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "b2 10.244.0.9"], "udp"),
        ask("client", "fd00:96::1", 80, ["b1 fd00:244::9", "b2 fd00:244::9"]),
        ask("client", "fd00:96::1", 80, ["b1 fd00:244::9", "b2 fd00:244::9"], "udp"),
        ask("node", "10.96.0.1", 80, ["b1 10.244.0.1", "b2 10.244.0.1"]),
        ask("node", "fd00:96::1", 80, ["b1 fd00:244::1", "b2 fd00:244::1"]),
        ask("client", "10.96.200.1", 80, silence),
      ]),
    .init(
      "hairpin; masquerade of those outside", web(), slices(11),
      [
        ask("b1", "10.96.0.1", 80, ["b1 10.244.0.1"]), ask("b1", "fd00:96::1", 80, ["b1 fd00:244::1"], "udp"),
        ask("world", "10.96.0.1", 80, ["b1 10.244.0.1"]),
      ]),
    .init(
      "no endpoints", web(), [],
      [
        ask("client", "10.96.0.1", 80, refused), ask("node", "10.96.0.1", 80, refused),
        ask("client", "fd00:96::1", 80, refused), ask("client", "10.96.0.1", 80, refused, "udp"),
      ]),
    .init(
      "internalTrafficPolicy Local", web(["internalTrafficPolicy": "Local"]), slices(11, 20),
      [
        ask("client", "10.96.0.1", 80, ["b1 10.244.0.9"]), ask("node", "10.96.0.1", 80, ["b1 10.244.0.1"]),
        ask("client", "fd00:96::1", 80, ["b1 fd00:244::9"], "udp"),
      ]),
    .init(
      "internalTrafficPolicy Local, endpoints elsewhere only", web(["internalTrafficPolicy": "Local"]), slices(20),
      [ask("client", "10.96.0.1", 80, silence)]),
    .init(
      "internalTrafficPolicy Local, no endpoints", web(["internalTrafficPolicy": "Local"]), [],
      [ask("client", "10.96.0.1", 80, refused)]),
    .init(
      "terminating endpoints serve while none is ready", web(), slices([(11, terminating), (12, unready)]),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9"])]),
    .init(
      "terminating endpoints do not while one is", web(), slices([(11, terminating), (20, [:])]),
      [ask("client", "10.96.0.1", 80, ["far 10.244.0.9"])]),
    .init(
      "hints for zones", web(), slices([(11, hint(zone: "z1")), (12, hint(zone: "z1")), (20, hint(zone: "z2"))]),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "b2 10.244.0.9"])]),
    .init(
      "hints for nodes", web(), slices([(11, hint(node: "node1")), (20, hint(node: "node2"))]),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9"])]),
    .init(
      "a hint is missing", web(), slices([(11, hint(zone: "z1")), (20, [:])]),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "far 10.244.0.9"])]),
    .init(
      "no hint is for this zone", web(), slices([(11, hint(zone: "z2")), (20, hint(zone: "z3"))]),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "far 10.244.0.9"])]),
    .init(
      "an address listed twice", web(), slices([(11, terminating), (12, [:])]) + slices([(11, [:])], name: "again"),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "b2 10.244.0.9"])]),
    .init(
      "slice ports by name and protocol", web(),
      slices(
        [(11, [:])],
        ports: [["name": "t", "protocol": "TCP", "port": 8080], ["name": "other", "protocol": "UDP", "port": 8080]]),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9"]), ask("client", "10.96.0.1", 80, refused, "udp")]),
    .init(
      "without a selector, endpoints anywhere", web(),
      [
        [
          "kind": "EndpointSlice", "addressType": "IPv4",
          "metadata": [
            "name": "mine", "namespace": "default", "labels": ["kubernetes.io/service-name": "web"],
          ],
          "ports": [["name": "t", "protocol": "TCP", "port": 8080]],
          "endpoints": [["addresses": ["192.0.2.2"]]],
        ]
      ], [ask("client", "10.96.0.1", 80, ["world 192.0.2.1"])]),
    .init(
      "a Service of another proxy", web(labels: ["service.kubernetes.io/service-proxy-name": "other"]), slices(11),
      [ask("client", "10.96.0.1", 80, silence)]),
    .init(
      "slices for name servers alone", web(),
      slices([(11, [:])], labels: ["service.kubernetes.io/headless": ""]),
      [ask("client", "10.96.0.1", 80, refused)]),
    .init(
      "sessionAffinity None after ClientIP is none", web(["sessionAffinity": "None"]), slices(11, 12),
      [ask("client", "10.96.0.1", 80, ["b1 10.244.0.9", "b2 10.244.0.9"])]),
  ]

  private static let gateway: Set = ["b1 10.244.0.1", "far 10.244.0.1"]
  private static let own: Set = ["b1 10.244.0.9", "far 10.244.0.9"]

  private static let outerRows: [SemanticsRow] = [
    .init(
      "outer addresses, policy Cluster", outer(), slices(11, 20),
      [
        ask("world", "192.0.2.1", 30080, gateway), ask("world", "192.0.2.1", 30080, gateway, "udp"),
        ask("world", "203.0.113.1", 80, gateway), ask("world", "203.0.113.2", 80, gateway),
        ask("world", "2001:db8:3::1", 80, ["b1 fd00:244::1", "far fd00:244::1"]),
        ask("client", "192.0.2.1", 30080, own), ask("client", "203.0.113.1", 80, own),
        ask("node", "192.0.2.1", 30080, gateway),
        // Not at addresses that serve none, and never at the loopback, whatever the back end.
        ask("client", "10.244.0.1", 30080, refused), ask("node", "127.0.0.1", 30080, refused),
        ask("node", "::1", 30080, refused),
      ]),
    .init(
      "outer addresses, no endpoints", outer(), [],
      [
        ask("world", "192.0.2.1", 30080, refused), ask("world", "203.0.113.1", 80, refused),
        ask("world", "203.0.113.2", 80, refused), ask("client", "203.0.113.1", 80, refused),
      ]),
    .init(
      "externalTrafficPolicy Local", outer(["externalTrafficPolicy": "Local"]), slices(11, 20),
      [
        ask("world", "192.0.2.1", 30080, ["b1 192.0.2.2"]), ask("world", "203.0.113.1", 80, ["b1 192.0.2.2"]),
        ask("world", "203.0.113.1", 80, ["b1 192.0.2.2"], "udp"), ask("world", "203.0.113.2", 80, ["b1 192.0.2.2"]),
        ask("world", "2001:db8:3::1", 80, ["b1 2001:db8:2::2"]),
      ]),
    .init(
      "externalTrafficPolicy Local, endpoints elsewhere only", outer(["externalTrafficPolicy": "Local"]), slices(20),
      [
        ask("world", "192.0.2.1", 30080, silence), ask("world", "203.0.113.1", 80, silence),
        ask("client", "203.0.113.1", 80, ["far 10.244.0.9"]),
      ]),
    .init(
      "terminating endpoints, decided apart for the node's own", outer(["externalTrafficPolicy": "Local"]),
      slices([(11, terminating), (20, [:])]), [ask("world", "203.0.113.1", 80, ["b1 192.0.2.2"])]),
    proxied,
    .init(
      "source ranges guard the load balancer alone", outer(["loadBalancerSourceRanges": [" 198.51.100.0/24 "]]),
      slices(11),
      [
        ask("world", "203.0.113.1", 80, silence), ask("client", "203.0.113.1", 80, silence),
        ask("world", "203.0.113.2", 80, ["b1 10.244.0.1"]), ask("world", "192.0.2.1", 30080, ["b1 10.244.0.1"]),
        // A range of one family says nothing of the other.
        ask("world", "2001:db8:3::1", 80, ["b1 fd00:244::1"]),
      ]),
    .init(
      "a source range of everyone", outer(["loadBalancerSourceRanges": [" 0.0.0.0/0"]]), slices(11),
      [ask("world", "203.0.113.1", 80, ["b1 10.244.0.1"])]),
    nodeInRange,
  ]

  /// What goes to an address with ipMode Proxy is not ours: here the node's routes let it die silently.
  private static var proxied: SemanticsRow {
    var row = SemanticsRow(
      "ipMode Proxy",
      outer(ingress: [["ip": "203.0.113.1", "ipMode": "Proxy"], ["ip": "203.0.113.5", "ipMode": "VIP"]]), slices(11),
      [ask("world", "203.0.113.1", 80, silence), ask("world", "203.0.113.5", 80, ["b1 10.244.0.1"])])
    row.prepare = "ip route add blackhole 203.0.113.1"
    return row
  }

  /// A source range that holds the node admits its own connections, which have the load balancer's address as their source
  /// where the node has that address itself.
  private static var nodeInRange: SemanticsRow {
    var row = SemanticsRow(
      "a source range that holds the node", outer(["loadBalancerSourceRanges": [" 192.0.2.1/32"]]), slices(11),
      [
        ask("node", "203.0.113.1", 80, ["b1 10.244.0.1"]), ask("world", "203.0.113.1", 80, silence),
      ])
    row.prepare = "ip addr add 203.0.113.1 dev lo"
    return row
  }
}
