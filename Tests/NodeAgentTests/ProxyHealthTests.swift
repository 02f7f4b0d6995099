import Addressing
import ClusterModel
import JSON
import Linux
import ServiceProxy
import Testing

@testable import NodeAgent

@Suite struct ProxyHealthTests {
  static let web = NamespacedName("default", "web")

  static func health(_ endpoints: Int?, leaving: Bool = false, failed: Bool = false) -> ProxyHealth {
    let health = ProxyHealth(families: [.v4])
    var node = Node(name: "node1")
    node.isLeaving = leaving
    health.update(endpoints.map { [web: .init(port: 30999, localEndpoints: $0)] } ?? [:], own: node)
    if failed { health.failed() }
    return health
  }

  @Test func metricsAreInTheFormatOfPrometheus() throws {
    let metrics = ServiceMetrics()
    metrics.queued([.service(Self.web), .service(NamespacedName("default", "other")), .node("node1")])
    metrics.taken([.service(Self.web)])
    metrics.synced(isFull: true, 0.003)
    metrics.synced(isFull: false, 0.0005)
    metrics.answered(isLiveness: false, 503)
    let proxy = try ServiceProxy(ServiceProxyConfiguration(nodeName: "n"), namespace: NetworkNamespace.create())
    try proxy.sync(full: [])
    let lines = metrics.text(proxy, [.v4, .v6]).split(separator: "\n").map(String.init)
    for line in lines where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      #expect(parts.count == 2 && Double(parts[1]) != nil, "\(line)")
    }
    for line in [
      "kubeproxy_sync_full_proxy_rules_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.004\"} 1",
      "kubeproxy_sync_full_proxy_rules_duration_seconds_bucket{ip_family=\"IPv6\",le=\"0.002\"} 0",
      "kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family=\"IPv4\"} 2",
      "kubeproxy_sync_proxy_rules_endpoint_changes_pending{ip_family=\"IPv4\"} 1",
      "kubeproxy_proxy_healthz_total{code=\"503\"} 1",
      "swiftlet_services 0", "# TYPE swiftlet_service_connections_total counter",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  @Test func aServicesOwnPort() throws {
    for (count, status) in [(2, 200), (0, 503)] {
      let answer = Self.health(count).answer(.init(path: "/anything", port: 30999))
      #expect(answer.status == status)
      #expect(answer.headers.first?.value == "\(count)")
      let body = try JSON(parsing: Array(answer.body.utf8))
      #expect(body["service", "name"].string == "web" && body["service", "namespace"].string == "default")
      #expect(body["localEndpoints"].int == count && body["serviceProxyHealthy"].bool == true)
    }
    #expect(Self.health(nil).answer(.init(path: "/", port: 30999)).status == 404)
  }

  @Test func theProxysOwnPorts() {
    func status(_ health: ProxyHealth, _ path: String, _ port: UInt16 = ProxyHealth.healthPort) -> Int {
      health.answer(.init(path: path, port: port)).status
    }
    #expect(status(Self.health(nil), "/healthz") == 200 && status(Self.health(nil), "/livez") == 200)
    // A node about to go gets no new connections, and is not restarted for it.
    #expect(status(Self.health(nil, leaving: true), "/healthz") == 503)
    #expect(status(Self.health(nil, leaving: true), "/livez") == 200)
    // A failure counts only once it has lasted.
    #expect(status(Self.health(nil, failed: true), "/livez") == 200)
    #expect(Self.health(nil).answer(.init(path: "/proxyMode", port: ProxyHealth.statusPort)).body == "nftables")
    #expect(status(Self.health(nil), "/other") == 404)
  }
}
