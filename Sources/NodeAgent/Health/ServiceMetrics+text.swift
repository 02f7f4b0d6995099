internal import Addressing
internal import ServiceProxy

extension ServiceMetrics {
  /// Everything, for one scrape. Names, kinds and labels are those of Kubernetes' metrics reference, where it has the metric.
  func text(_ proxy: ServiceProxy, _ families: [IPFamily]) -> String {
    let state = current
    let statistics = proxy.statistics
    var text = MetricsText(families)
    text.addPasses(state, statistics)
    text.addChanges(state, statistics, proxy.withoutLocalEndpoints)
    text.addFailures(statistics, mode: proxy.kind.mode)
    for (name, codes) in [("healthz", state.healthz), ("livez", state.livez)] {
      text.add(
        "kubeproxy_proxy_\(name)_total", "counter", "Answers of /\(name)",
        codes.sorted { $0.key < $1.key }.map { ([("code", "\($0.key)")], "\($0.value)") })
    }
    text.addOwn(proxy, statistics)
    return text.text
  }
}

/// Metrics as they are written, one after another.
private struct MetricsText {
  typealias Labels = [(name: String, value: String)]
  static let prefix = "kubeproxy_sync_proxy_rules"

  let families: [IPFamily]
  private(set) var text = ""

  init(_ families: [IPFamily]) { self.families = families }

  private static func braces(_ labels: Labels) -> String {
    labels.isEmpty ? "" : "{" + labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",") + "}"
  }

  private static func label(_ family: IPFamily) -> (name: String, value: String) { ("ip_family", family.name) }

  mutating func add(_ name: String, _ kind: String, _ help: String, _ values: [(labels: Labels, value: String)]) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    for (labels, value) in values { text += "\(name)\(Self.braces(labels)) \(value)\n" }
  }

  mutating func add(_ name: String, _ kind: String, _ help: String, _ value: some Numeric) {
    add(name, kind, help, [([], "\(value)")])
  }

  mutating func add<Value: Numeric>(
    _ name: String, _ kind: String, _ help: String, each value: (IPFamily) -> Value
  ) {
    add(name, kind, help, families.map { ([Self.label($0)], "\(value($0))") })
  }

  mutating func add(_ name: String, _ help: String, _ histogram: (IPFamily) -> DurationHistogram) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
    for family in families {
      let (histogram, label) = (histogram(family), Self.label(family))
      var total = 0
      for (bound, count) in zip(histogram.bounds, histogram.counts) {
        total += count
        text += "\(name)_bucket\(Self.braces([label, ("le", "\(bound)")])) \(total)\n"
      }
      text += "\(name)_bucket\(Self.braces([label, ("le", "+Inf")])) \(histogram.count)\n"
      text += "\(name)_sum\(Self.braces([label])) \(histogram.sum)\n"
      text += "\(name)_count\(Self.braces([label])) \(histogram.count)\n"
    }
  }

  mutating func addPasses(_ state: ServiceMetrics.State, _ statistics: ServiceProxy.Statistics) {
    add("kubeproxy_sync_full_proxy_rules_duration_seconds", "Time everything was compared in") { _ in state.full }
    add("kubeproxy_sync_partial_proxy_rules_duration_seconds", "Time a change was programmed in") { _ in state.partial }
    let all = state.full + state.partial
    add("\(Self.prefix)_duration_seconds", "Time of every pass") { _ in all }
    add("kubeproxy_network_programming_duration_seconds", "Time from a change of endpoints until it was programmed") {
      state.programming[$0] ?? DurationHistogram(DurationHistogram.programming)
    }
    add("kubeproxy_conntrack_reconciler_sync_duration_seconds", "Time of looking for tracked UDP connections to end") {
      statistics.flowSearches[$0] ?? DurationHistogram()
    }
    add("kubeproxy_conntrack_reconciler_deleted_entries_total", "counter", "Tracked UDP connections deleted") {
      statistics.deletedFlowsByFamily[$0] ?? 0
    }
    add("\(Self.prefix)_last_timestamp_seconds", "gauge", "When a pass last ended well") { _ in state.lastSync }
    add("\(Self.prefix)_last_queued_timestamp_seconds", "gauge", "When a change last came") { _ in state.lastQueued }
  }

  mutating func addChanges(
    _ state: ServiceMetrics.State, _ statistics: ServiceProxy.Statistics,
    _ lacking: [IPFamily: (internal: Int, external: Int)]
  ) {
    for kind in ["service", "endpoint"] {
      add(
        "\(Self.prefix)_\(kind)_changes_pending", "gauge",
        "Services that wait to be programmed, whether they or their endpoints changed", state.waiting.count)
    }
    add("\(Self.prefix)_service_changes_total", "counter", "Frontends that came or went", statistics.frontendChanges)
    add(
      "\(Self.prefix)_endpoint_changes_total", "counter", "Frontends whose endpoints changed",
      statistics.endpointChanges)
    add(
      "\(Self.prefix)_no_local_endpoints_total", "gauge", "Frontends whose policy allows no endpoint of this node",
      families.flatMap { family in
        let count = lacking[family] ?? (0, 0)
        return [("internal", count.internal), ("external", count.external)].map {
          ([Self.label(family), ("traffic_policy", $0)], "\($1)")
        }
      })
  }

  /// Of the back ends that kube-proxy has names for, their own; a transaction of ours is of both families.
  mutating func addFailures(_ statistics: ServiceProxy.Statistics, mode: String) {
    if mode == "iptables" {
      add(
        "\(Self.prefix)_iptables_restore_failures_total", "counter", "Calls of iptables-restore that failed"
      ) { _ in statistics.failures }
      add(
        "\(Self.prefix)_iptables_partial_restore_failures_total", "counter",
        "The same that were to write a change alone"
      ) { _ in statistics.partialFailures }
      let tables = families.flatMap { family in
        ["filter", "nat"].map { table in
          ([Self.label(family), ("table", table)], statistics.rules[.init(family, table)] ?? .init())
        }
      }
      add(
        "\(Self.prefix)_iptables_total", "gauge", "Rules of ours in a table",
        tables.map { ($0.0, "\($0.1.total)") })
      add(
        "\(Self.prefix)_iptables_last", "gauge", "Rules that the last change wrote",
        tables.map { ($0.0, "\($0.1.last)") })
    } else {
      add("\(Self.prefix)_nftables_sync_failures_total", "counter", "Transactions that were refused") { _ in
        statistics.failures
      }
      add(
        "\(Self.prefix)_nftables_cleanup_failures_total", "counter",
        "Transactions that were to remove chains no longer in use, and were refused"
      ) { _ in statistics.cleanupFailures }
    }
  }

  /// What kube-proxy has no name for.
  mutating func addOwn(_ proxy: ServiceProxy, _ statistics: ServiceProxy.Statistics) {
    let sizes = proxy.sizes
    add("swiftlet_services", "gauge", "Services this node programs", sizes.services)
    add("swiftlet_services_frontends", "gauge", "Addresses and NodePorts this node programs", sizes.frontends)
    add("swiftlet_services_entries_total", "counter", "Elements, rules or destinations written", statistics.elements)
    add("swiftlet_services_transactions_total", "counter", "Transactions committed", statistics.commits)
    add("swiftlet_services_last_transaction_seconds", "gauge", "Time of the last one", statistics.lastCommit)
    add("swiftlet_services_refused", "gauge", "Services the kernel does not take", proxy.refused.count)
    guard let counts = try? proxy.counts(endpoints: false) else { return }
    add(
      "swiftlet_service_connections_total", "counter", "Connections that came to a frontend",
      counts.frontends.sorted { $0.key < $1.key }.compactMap { key, count in
        proxy.owner(of: key).map { owner in
          (
            [
              ("namespace", owner.namespace), ("service", owner.name),
              ("address", key.isNodePort ? "nodeport" : "\(key.address)"), ("family", key.address.family.name),
              ("protocol", key.transport.rawValue), ("port", "\(key.port)"),
            ], "\(count)"
          )
        }
      })
  }
}
