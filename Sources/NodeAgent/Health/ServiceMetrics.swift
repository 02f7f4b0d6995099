internal import Addressing
internal import ClusterModel
internal import Linux
internal import ServiceProxy
internal import Synchronization

/// Numbers of the Services plane in the text format of Prometheus (version 0.0.4), under kube-proxy's names where it has
/// one that means the same. One pass serves both families here: it counts for each, as kube-proxy's two would.
final class ServiceMetrics: Sendable {
  /// Upper bounds in seconds, as kube-proxy's: 1 ms doubled fourteen times.
  private static let bounds = (0..<15).map { 0.001 * Double(1 << $0) }

  private struct Histogram {
    var counts = [Int](repeating: 0, count: ServiceMetrics.bounds.count + 1)
    var sum = 0.0

    mutating func add(_ seconds: Double) {
      counts[ServiceMetrics.bounds.firstIndex { seconds <= $0 } ?? ServiceMetrics.bounds.count] += 1
      sum += seconds
    }

    func text(_ name: String, _ help: String, _ families: [IPFamily]) -> String {
      var text = "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
      for family in families {
        let label = "ip_family=\"\(family.name)\""
        var total = 0
        for (bound, count) in zip(ServiceMetrics.bounds, counts) {
          total += count
          text += "\(name)_bucket{\(label),le=\"\(bound)\"} \(total)\n"
        }
        total += counts[ServiceMetrics.bounds.count]
        text += "\(name)_bucket{\(label),le=\"+Inf\"} \(total)\n\(name)_sum{\(label)} \(sum)\n"
        text += "\(name)_count{\(label)} \(total)\n"
      }
      return text
    }
  }

  private struct State {
    var full = Histogram()
    var partial = Histogram()
    var lastSync = 0.0
    var lastQueued = 0.0
    /// Services of which something changed that is not programmed yet.
    var waiting: Set<ChangeKey> = []
    var healthz: [Int: Int] = [:]
    var livez: [Int: Int] = [:]
  }

  private let state = Mutex(State())

  /// Changes came to be programmed.
  func queued(_ keys: [ChangeKey]) {
    state.withLock { state in
      state.lastQueued = Time.wallSeconds
      for key in keys { if case .service = key { state.waiting.insert(key) } }
    }
  }

  /// They are taken from now on, nil for all there are.
  func taken(_ keys: [ChangeKey]?) {
    state.withLock { state in
      if let keys { for key in keys { state.waiting.remove(key) } } else { state.waiting = [] }
    }
  }

  /// A pass ended well, after so many seconds.
  func synced(isFull: Bool, _ seconds: Double) {
    state.withLock { state in
      if isFull { state.full.add(seconds) } else { state.partial.add(seconds) }
      state.lastSync = Time.wallSeconds
    }
  }

  func answered(isLiveness: Bool, _ code: Int) {
    state.withLock { state in
      if isLiveness { state.livez[code, default: 0] += 1 } else { state.healthz[code, default: 0] += 1 }
    }
  }

  /// Everything, for one scrape.
  func text(_ proxy: ServiceProxy, _ families: [IPFamily]) -> String {
    let state = state.withLock { $0 }
    let statistics = proxy.statistics
    var text = state.full.text(
      "kubeproxy_sync_full_proxy_rules_duration_seconds", "Time everything was compared in", families)
    text += state.partial.text(
      "kubeproxy_sync_partial_proxy_rules_duration_seconds", "Time a change was programmed in", families)
    var all = state.full
    for (index, count) in state.partial.counts.enumerated() { all.counts[index] += count }
    all.sum += state.partial.sum
    text += all.text("kubeproxy_sync_proxy_rules_duration_seconds", "Time of every pass", families)
    func add(_ name: String, _ kind: String, _ help: String, _ values: [(labels: String, value: String)]) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
      for (labels, value) in values { text += "\(name)\(labels) \(value)\n" }
    }
    func add(_ name: String, _ kind: String, _ help: String, _ value: some Numeric) {
      add(name, kind, help, [("", "\(value)")])
    }
    let prefix = "kubeproxy_sync_proxy_rules"
    func addForEach(_ name: String, _ kind: String, _ help: String, _ value: some Numeric) {
      add(name, kind, help, families.map { ("{ip_family=\"\($0.name)\"}", "\(value)") })
    }
    addForEach("\(prefix)_last_timestamp_seconds", "gauge", "When a pass last ended well", state.lastSync)
    addForEach("\(prefix)_last_queued_timestamp_seconds", "gauge", "When a change last came", state.lastQueued)
    for kind in ["service", "endpoint"] {
      addForEach(
        "\(prefix)_\(kind)_changes_pending", "gauge",
        "Services that wait to be programmed, whether they or their endpoints changed", state.waiting.count)
    }
    add("\(prefix)_service_changes_total", "counter", "Frontends that came or went", statistics.frontendChanges)
    add("\(prefix)_endpoint_changes_total", "counter", "Frontends whose endpoints changed", statistics.endpointChanges)
    let lacking = proxy.withoutLocalEndpoints
    add(
      "\(prefix)_no_local_endpoints_total", "gauge", "Frontends whose policy allows no endpoint of this node",
      [
        ("{traffic_policy=\"internal\"}", "\(lacking.internal)"),
        ("{traffic_policy=\"external\"}", "\(lacking.external)"),
      ])
    let failures = proxy.kind.mode == "iptables" ? "iptables_restore_failures_total" : "nftables_sync_failures_total"
    add("\(prefix)_\(failures)", "counter", "Transactions that were refused", statistics.failures)
    for (name, codes) in [("healthz", state.healthz), ("livez", state.livez)] {
      add(
        "kubeproxy_proxy_\(name)_total", "counter", "Answers of /\(name)",
        codes.sorted { $0.key < $1.key }.map { ("{code=\"\($0.key)\"}", "\($0.value)") })
    }
    add(
      "kubeproxy_conntrack_reconciler_deleted_entries_total", "counter", "Tracked UDP connections deleted",
      statistics.deletedFlows)
    let sizes = proxy.sizes
    add("swiftlet_services", "gauge", "Services this node programs", sizes.services)
    add("swiftlet_services_frontends", "gauge", "Addresses and NodePorts this node programs", sizes.frontends)
    add("swiftlet_services_entries_total", "counter", "Elements, rules or destinations written", statistics.elements)
    add("swiftlet_services_transactions_total", "counter", "Transactions committed", statistics.commits)
    add("swiftlet_services_last_transaction_seconds", "gauge", "Time of the last one", statistics.lastCommit)
    add("swiftlet_services_refused", "gauge", "Services the kernel does not take", proxy.refused.count)
    if let counts = try? proxy.counts(endpoints: false) {
      add(
        "swiftlet_service_connections_total", "counter", "Connections that came to a frontend",
        counts.frontends.sorted { $0.key < $1.key }.compactMap { key, count in
          proxy.owner(of: key).map { owner in
            let address = key.isNodePort ? "nodeport" : "\(key.address)"
            return (
              "{namespace=\"\(owner.namespace)\",service=\"\(owner.name)\",address=\"\(address)\","
                + "family=\"\(key.address.family.name)\",protocol=\"\(key.transport.rawValue)\",port=\"\(key.port)\"}",
              "\(count)"
            )
          }
        })
    }
    return text
  }
}
