import JSON
import Testing

@testable import Lab

@Suite struct EnvironmentTests {
  @Test(arguments: [
    ("plain", "plain"), ("$(A)", "1"), ("x$(A)y$(B)z", "x1y2z"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"),
    ("$(MISSING)", "$(MISSING)"), ("$A", "$A"), ("$(A", "$(A"), ("cost: 5$", "cost: 5$"), ("$$", "$"), ("", ""),
    ("$()", "$()"),
  ])
  func expansion(text: String, expected: String) {
    #expect(VariableExpansion.expand(text) { ["A": "1", "B": "2"][$0] } == expected)
  }

  static let pod = PodManifest([
    "metadata": [
      "name": "web-0", "namespace": "shop", "uid": "u-1", "labels": ["app": "web"], "annotations": ["a/b": "c"],
    ],
    "spec": ["serviceAccountName": "robot"],
  ])

  private func resolve(_ container: JSON) throws -> [String: String] {
    let resolver = EnvironmentResolver(
      pod: Self.pod, podAddresses: ["10.244.1.2", "fd00::2"], hostAddresses: ["192.168.77.11"], nodeName: "node1",
      allocatable: ["cpu": "2", "memory": "1000Ki"], services: [("CART_SERVICE_HOST", "10.96.0.7"), ("X", "service")],
      configMap: { $0 == "looks" ? ["color": "blue", "size": "L"] : nil },
      secret: { $0 == "keys" ? ["token": "t0p"] : nil })
    return try resolver.resolve(ContainerManifest(container))
  }

  private func value(_ source: JSON, container: JSON = [:]) throws -> String? {
    var container = container
    container["env"] = [["name": "V", "valueFrom": source]]
    return try resolve(container)["V"]
  }

  @Test(arguments: [
    ("metadata.name", "web-0"), ("metadata.namespace", "shop"), ("metadata.uid", "u-1"),
    ("metadata.labels['app']", "web"), ("metadata.annotations['a/b']", "c"), ("metadata.labels['none']", ""),
    ("spec.nodeName", "node1"), ("spec.serviceAccountName", "robot"), ("status.podIP", "10.244.1.2"),
    ("status.podIPs", "10.244.1.2,fd00::2"), ("status.hostIP", "192.168.77.11"),
  ])
  func downwardFields(path: String, expected: String) throws {
    #expect(try value(["fieldRef": ["fieldPath": .string(path)]]) == expected)
  }

  @Test(arguments: [
    ("limits.cpu", "1", "1"), ("limits.cpu", "1m", "500"), ("requests.cpu", "1m", "250"),
    ("limits.memory", "1Mi", "128"), ("limits.memory", "0", "134217728"), ("requests.memory", "1", "0"),
  ])
  func resources(resource: String, divisor: String, expected: String) throws {
    let container: JSON = ["resources": ["limits": ["cpu": "500m", "memory": "128Mi"], "requests": ["cpu": "0.25"]]]
    let source: JSON = ["resourceFieldRef": ["resource": .string(resource), "divisor": .string(divisor)]]
    #expect(try value(source, container: container) == expected)
  }

  @Test func unsetLimitsAreTheNodes() throws {
    #expect(try value(["resourceFieldRef": ["resource": "limits.cpu"]]) == "2")
    #expect(try value(["resourceFieldRef": ["resource": "limits.memory"]]) == "1024000")
  }

  @Test func sourcesAndTheirOrder() throws {
    let values = try resolve([
      "envFrom": [["prefix": "L_", "configMapRef": ["name": "looks"]], ["secretRef": ["name": "keys"]]],
      "env": [
        ["name": "X", "value": "own"], ["name": "Y", "value": "$(X)-$(L_color)-$(LATER)"],
        ["name": "LATER", "value": "1"],
        ["name": "token", "value": "other"], ["name": "EMPTY"],
        ["name": "C", "valueFrom": ["configMapKeyRef": ["name": "looks", "key": "size"]]],
      ],
    ])
    #expect(
      values == [
        "CART_SERVICE_HOST": "10.96.0.7", "X": "own", "L_color": "blue", "L_size": "L", "token": "other",
        "Y": "own-blue-$(LATER)", "LATER": "1", "EMPTY": "", "C": "L",
      ])
  }

  @Test(arguments: [
    (#"{"configMapKeyRef": {"name": "none", "key": "a"}}"#, "configmap \"none\" not found"),
    (#"{"secretKeyRef": {"name": "none", "key": "a"}}"#, "secret \"none\" not found"),
    (#"{"configMapKeyRef": {"name": "looks", "key": "taste"}}"#, "couldn't find key taste in configmap shop/looks"),
  ])
  func missingSources(source: String, message: String) throws {
    let source = json(source)
    #expect(throws: EnvironmentResolver.Missing(description: message)) { try value(source) }
    var optional = source
    let kind = source.members[0].key
    optional[kind, "optional"] = true
    #expect(try value(optional) == nil)
  }

  @Test func serviceVariables() {
    let services: [JSON] = [
      [
        "metadata": ["name": "redis-main"],
        "spec": [
          "clusterIP": "10.96.0.11",
          "ports": [["name": "client", "port": 6379], ["name": "gossip-x", "port": 16379, "protocol": "UDP"]],
        ],
      ],
      ["metadata": ["name": "headless"], "spec": ["clusterIP": "None", "ports": [["port": 1]]]],
      ["metadata": ["name": "pending"], "spec": ["ports": [["port": 1]]]],
    ]
    let values = Dictionary(uniqueKeysWithValues: ServiceVariables.make(services).map { ($0.name, $0.value) })
    #expect(
      values == [
        "REDIS_MAIN_SERVICE_HOST": "10.96.0.11", "REDIS_MAIN_SERVICE_PORT": "6379",
        "REDIS_MAIN_SERVICE_PORT_CLIENT": "6379", "REDIS_MAIN_SERVICE_PORT_GOSSIP_X": "16379",
        "REDIS_MAIN_PORT": "tcp://10.96.0.11:6379", "REDIS_MAIN_PORT_6379_TCP": "tcp://10.96.0.11:6379",
        "REDIS_MAIN_PORT_6379_TCP_PROTO": "tcp", "REDIS_MAIN_PORT_6379_TCP_PORT": "6379",
        "REDIS_MAIN_PORT_6379_TCP_ADDR": "10.96.0.11", "REDIS_MAIN_PORT_16379_UDP": "udp://10.96.0.11:16379",
        "REDIS_MAIN_PORT_16379_UDP_PROTO": "udp", "REDIS_MAIN_PORT_16379_UDP_PORT": "16379",
        "REDIS_MAIN_PORT_16379_UDP_ADDR": "10.96.0.11",
      ])
  }

  @Test func gracePeriodsOfAnyLength() {
    let pod = PodManifest(["spec": ["terminationGracePeriodSeconds": .int(.max)]])
    #expect(pod.gracePeriod == Double(Int32.max))
  }
}
