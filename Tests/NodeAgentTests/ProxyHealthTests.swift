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
      "kubeproxy_sync_proxy_rules_endpoint_changes_pending 1",
      "kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family=\"IPv6\",traffic_policy=\"external\"} 0",
      "kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family=\"IPv4\"} 0",
      "kubeproxy_proxy_healthz_total{code=\"503\"} 1",
      "swiftlet_services 0", "# TYPE swiftlet_service_connections_total counter",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  /// A slice of a family, changed so many seconds after the metrics began.
  static func slice(_ family: IPFamily, _ seconds: Double?) -> EndpointSlice {
    var slice = EndpointSlice(id: NamespacedName("default", "web-\(family)"), service: web, family: family)
    slice.changeTriggered = seconds.map { 1_000_000_000_000 + Int64($0 * 1e9) }
    return slice
  }

  @Test func programmingIsCountedOnceForEachChange() throws {
    let metrics = ServiceMetrics(begin: 1_000_000_000_000)
    func programmed(_ slices: [EndpointSlice], at seconds: Double) {
      metrics.programmed(Self.web, slices, now: 1_000_000_000_000 + Int64(seconds * 1e9))
    }
    func counts(_ family: IPFamily) -> (count: Int, sum: Double) {
      let histogram = metrics.current.programming[family]
      return (histogram?.count ?? 0, histogram?.sum ?? 0)
    }
    // What changed before the start was not waiting for this proxy; of what is not dated nobody knows.
    programmed([Self.slice(.v4, -5), Self.slice(.v6, nil)], at: 1)
    #expect(counts(.v4) == (0, 0) && counts(.v6) == (0, 0))
    programmed([Self.slice(.v4, 2), Self.slice(.v6, 2)], at: 2.5)
    #expect(counts(.v4) == (1, 0.5) && counts(.v6) == (1, 0.5))
    // Something else changed.
    programmed([Self.slice(.v4, 2), Self.slice(.v6, 2)], at: 9)
    #expect(counts(.v4).count == 1)
    programmed([Self.slice(.v4, 2), Self.slice(.v6, 10)], at: 11)
    #expect(counts(.v4) == (1, 0.5) && counts(.v6) == (2, 1.5))
    // A Service that goes is forgotten; made again it is another one.
    programmed([], at: 12)
    #expect(metrics.current.counted.isEmpty)
    let proxy = try ServiceProxy(ServiceProxyConfiguration(nodeName: "n"), namespace: NetworkNamespace.create())
    let lines = metrics.text(proxy, [.v4, .v6]).split(separator: "\n").map(String.init)
    for line in [
      "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.25\"} 0",
      "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv4\",le=\"0.5\"} 1",
      "kubeproxy_network_programming_duration_seconds_bucket{ip_family=\"IPv6\",le=\"300.0\"} 2",
    ] { #expect(lines.contains(line), "\(line)") }
  }

  /// kube-proxy's metrics and their labels, from Kubernetes' metrics reference, for its modes nftables and iptables. Absent
  /// are two counters of iptables that need nfacct.
  static let reference: [(name: String, labels: Set<String>, modes: Set<String>)] = [
    ("kubeproxy_conntrack_reconciler_deleted_entries_total", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_conntrack_reconciler_sync_duration_seconds_count", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_network_programming_duration_seconds_count", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_proxy_healthz_total", ["code"], ["nftables", "iptables"]),
    ("kubeproxy_proxy_livez_total", ["code"], ["nftables", "iptables"]),
    ("kubeproxy_sync_full_proxy_rules_duration_seconds_count", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_sync_partial_proxy_rules_duration_seconds_count", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_duration_seconds_count", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_endpoint_changes_pending", [], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_endpoint_changes_total", [], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_iptables_last", ["ip_family", "table"], ["iptables"]),
    ("kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total", ["ip_family"], ["iptables"]),
    ("kubeproxy_sync_proxy_rules_iptables_restore_failures_total", ["ip_family"], ["iptables"]),
    ("kubeproxy_sync_proxy_rules_iptables_total", ["ip_family", "table"], ["iptables"]),
    ("kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_last_timestamp_seconds", ["ip_family"], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total", ["ip_family"], ["nftables"]),
    ("kubeproxy_sync_proxy_rules_nftables_sync_failures_total", ["ip_family"], ["nftables"]),
    (
      "kubeproxy_sync_proxy_rules_no_local_endpoints_total", ["ip_family", "traffic_policy"], ["nftables", "iptables"]
    ),
    ("kubeproxy_sync_proxy_rules_service_changes_pending", [], ["nftables", "iptables"]),
    ("kubeproxy_sync_proxy_rules_service_changes_total", [], ["nftables", "iptables"]),
  ]

  @Test(arguments: [ServiceBackendKind.nftables, .iptables(.nft)])
  func namesAndLabelsAreKubeProxys(_ backend: ServiceBackendKind) throws {
    let metrics = ServiceMetrics()
    metrics.answered(isLiveness: false, 200)
    metrics.answered(isLiveness: true, 200)
    let proxy = try ServiceProxy(
      ServiceProxyConfiguration(nodeName: "n"), backend: backend, namespace: NetworkNamespace.create())
    try proxy.sync(full: [])
    var found: [String: Set<String>] = [:]
    for line in metrics.text(proxy, [.v4, .v6]).split(separator: "\n") where line.hasPrefix("kubeproxy_") {
      let name = String(line.prefix { $0 != "{" && $0 != " " })
      // Of a histogram one series tells.
      if name.hasSuffix("_bucket") || name.hasSuffix("_sum") { continue }
      let labels = line.contains("{") ? line.dropFirst(name.count + 1).prefix { $0 != "}" } : ""
      found[name, default: []].formUnion(labels.split(separator: ",").map { String($0.prefix { $0 != "=" }) })
    }
    let expected = Self.reference.filter { $0.modes.contains(backend.mode) }
    #expect(Set(found.keys) == Set(expected.map(\.name)))
    for (name, labels, _) in expected { #expect(found[name] == labels, "\(name)") }
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
