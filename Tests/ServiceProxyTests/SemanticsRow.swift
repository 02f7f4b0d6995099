import ClusterModel
import JSON

/// One row of what Services mean: API objects, and what clients must then see.
struct SemanticsRow: Sendable {
  /// What one client asks and who may answer it: every one of `expected`, as `b1 10.244.0.9` (the server's name and the
  /// client's address as the server saw it), or the error.
  struct Ask: Sendable {
    var place: String
    var mode: String
    var address: String
    var port: Int
    var expected: Set<String>
    /// Of two endpoints one is missed by chance once in 2^23 times.
    var count: Int { expected.count > 1 ? 24 : expected.contains { $0.contains(" ") } ? 3 : 1 }
    /// Seconds after which there was no answer.
    var patience: Int { expected == ["TIMEOUT"] ? 2 : 8 }
  }

  var name: String
  var service: JSON
  var slices: [JSON]
  var asks: [Ask]
  /// A command on the node before.
  var prepare = ""

  init(_ name: String, _ service: JSON, _ slices: [JSON], _ asks: [Ask]) {
    self.name = name
    self.service = service
    self.slices = slices
    self.asks = asks
  }

  /// The Service and its slices as the agent reads them.
  var input: ServiceWithEndpoints? {
    let state = ClusterState()
    _ = state.apply(.service, .upsert(service))
    for slice in slices { _ = state.apply(.endpointSlice, .upsert(slice)) }
    return service["metadata", "name"].string.flatMap { state.serviceWithEndpoints(NamespacedName("default", $0)) }
  }

  /// The same with a name, addresses and a NodePort of its own, so that all rows can stand side by side.
  func numbered(_ number: Int) -> SemanticsRow {
    let own = [
      "web": "web\(number)", "10.96.0.1": "10.96.1.\(number)", "fd00:96::1": "fd00:96::1\(number)",
      "203.0.113.1": "203.0.113.\(4 * number + 1)", "203.0.113.2": "203.0.113.\(4 * number + 2)",
      "203.0.113.5": "203.0.113.\(4 * number + 3)", "2001:db8:3::1": "2001:db8:3::\(number)1",
    ]
    func place(_ text: String) -> String { own[text] ?? text }
    func place(_ port: Int) -> Int { port == 30080 ? 30100 + number : port }
    func place(_ json: JSON) -> JSON {
      switch json {
      case .string(let text): .string(place(text))
      case .int(let value): .int(Int64(place(Int(value))))
      case .array(let values): .array(values.map(place))
      case .object(let object): .object(.init(object.members.map { ($0.key, place($0.value)) }))
      default: json
      }
    }
    var row = self
    row.service = place(service)
    row.slices = slices.map(place)
    row.asks = asks.map { ask in
      Ask(
        place: ask.place, mode: ask.mode, address: place(ask.address), port: place(ask.port), expected: ask.expected)
    }
    row.prepare = prepare.split(separator: " ").map { place(String($0)) }.joined(separator: " ")
    return row
  }

  /// Service `web` with the fields given beside, or instead of, the usual ones.
  static func web(_ fields: JSON = [:], labels: JSON = [:], status: JSON = .null) -> JSON {
    var spec: JSON = [
      "type": "ClusterIP", "clusterIPs": ["10.96.0.1", "fd00:96::1"],
      "ports": [
        ["name": "t", "protocol": "TCP", "port": 80, "targetPort": 8080],
        ["name": "u", "protocol": "UDP", "port": 80, "targetPort": 8080],
      ],
    ]
    for (key, value) in fields.members { spec[key] = value }
    return [
      "kind": "Service", "metadata": ["name": "web", "namespace": "default", "labels": labels], "spec": spec,
      "status": status,
    ]
  }

  /// The same with a NodePort, an external address and a load balancer's.
  static func outer(_ fields: JSON = [:], ingress: JSON = [["ip": "203.0.113.1"], ["ip": "2001:db8:3::1"]]) -> JSON {
    var all: JSON = [
      "type": "LoadBalancer", "externalIPs": ["203.0.113.2"],
      "ports": [
        ["name": "t", "protocol": "TCP", "port": 80, "targetPort": 8080, "nodePort": 30080],
        ["name": "u", "protocol": "UDP", "port": 80, "targetPort": 8080, "nodePort": 30080],
      ],
    ]
    for (key, value) in fields.members { all[key] = value }
    return web(all, status: ["loadBalancer": ["ingress": ingress]])
  }

  /// A slice of each family. Pods from 16 on are another node's.
  static func slices(
    _ endpoints: [(number: Int, fields: JSON)], name: String = "web", labels: JSON = [:], ports: JSON? = nil
  ) -> [JSON] {
    ["IPv4", "IPv6"].map { family in
      let prefix = family == "IPv4" ? "10.244.0." : "fd00:244::"
      var all: JSON = ["kubernetes.io/service-name": "web"]
      for (key, value) in labels.members { all[key] = value }
      return [
        "kind": "EndpointSlice", "addressType": .string(family),
        "metadata": ["name": .string("\(name)-\(family)"), "namespace": "default", "labels": all],
        "ports": ports ?? [
          ["name": "t", "protocol": "TCP", "port": 8080], ["name": "u", "protocol": "UDP", "port": 8080],
        ],
        "endpoints": .array(
          endpoints.map { number, fields in
            var endpoint: JSON = [
              "addresses": [.string("\(prefix)\(number)")], "nodeName": number < 16 ? "node1" : "node2",
              "conditions": ["ready": true],
            ]
            for (key, value) in fields.members { endpoint[key] = value }
            return endpoint
          }),
      ]
    }
  }

  static func slices(_ numbers: Int...) -> [JSON] { slices(numbers.map { ($0, [:]) }) }
}
