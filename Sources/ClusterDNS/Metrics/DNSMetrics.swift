internal import Addressing

/// A server's counters in the text format of Prometheus, under CoreDNS's names.
package enum DNSMetrics {
  package static func text(_ server: DNSServer, version: String, failedReloads: Int) -> String {
    var page = Page()
    let workers = server.statistics
    func total(_ name: String) -> UInt64 { workers.reduce(0) { $0 + ($1.values[name] ?? 0) } }
    let labels = "server=\"dns://\(server.addresses[0])\",zone=\".\",view=\"\""

    page.head("coredns_build_info", "gauge", "What this is.")
    page.line("coredns_build_info", "version=\"\(version)\",program=\"swiftlet\"", 1)

    page.head("coredns_dns_requests_total", "counter", "Questions by transport, family and type.")
    let counts = workers.map(\.questionCounts)
    for index in counts[0].indices {
      let sum = counts.reduce(0) { $0 + $1[index].count }
      guard sum > 0 else { continue }
      let one = counts[0][index]
      page.line(
        "coredns_dns_requests_total",
        "\(labels),proto=\"\(one.transport)\",family=\"\(one.family)\",type=\"\(one.type)\"",
        sum)
    }

    page.head("coredns_dns_responses_total", "counter", "Answers by code.")
    let responses = workers.map(\.responses)
    for index in responses[0].indices {
      let sum = responses.reduce(0) { $0 + $1[index] }
      if sum > 0 { page.line("coredns_dns_responses_total", "\(labels),rcode=\"\(codeName(index))\",plugin=\"\"", sum) }
    }
    page.histogram(
      "coredns_dns_request_duration_seconds", "Seconds from reading to sending.", labels, workers.map(\.durations))
    page.histogram("coredns_dns_request_size_bytes", "Bytes of questions.", labels, workers.map(\.sizesOfQuestions))
    page.histogram("coredns_dns_response_size_bytes", "Bytes of answers.", labels, workers.map(\.sizesOfAnswers))

    page.head("coredns_cache_entries", "gauge", "Answers that are kept.")
    page.line("coredns_cache_entries", "\(labels)", UInt64(server.caches.reduce(0) { $0 + $1.size.count }))
    let counters: [(String, String, UInt64)] = [
      ("coredns_cache_requests_total", "Questions to the cache.", total("cache_hits") + total("cache_misses")),
      ("coredns_cache_hits_total", "Answers from the cache.", total("cache_hits")),
      ("coredns_cache_misses_total", "Questions that the cache had no answer to.", total("cache_misses")),
      ("coredns_cache_served_stale_total", "Answers that were out of date.", total("stale_answers")),
      ("coredns_cache_prefetch_total", "Answers fetched anew before they were out of date.", total("prefetches")),
      (
        "coredns_forward_max_concurrent_rejects_total", "Questions refused because too many wait.",
        total("refused_for_queue")
      ),
      ("coredns_forward_healthcheck_failures_total", "Upstreams that were silent.", total("upstream_failures")),
      ("swiftlet_dns_rate_limited_total", "Answers not given to clients that ask too fast.", total("refused_for_rate")),
      ("swiftlet_dns_dropped_total", "Datagrams that were no questions.", total("dropped")),
      ("coredns_panics_total", "Always 0: a program of Swift that traps ends.", 0),
      ("coredns_reload_failed_total", "Corefiles that could not be used.", UInt64(failedReloads)),
    ]
    for (name, help, value) in counters {
      page.head(name, "counter", help)
      page.line(name, name.hasPrefix("coredns_cache") ? labels : "", value)
    }

    var upstreams: [Statistics.UpstreamKey: [Statistics.Histogram]] = [:]
    for worker in workers { for (key, value) in worker.upstreamDurations { upstreams[key, default: []].append(value) } }
    page.head("coredns_proxy_request_duration_seconds", "histogram", "Seconds until an upstream answered.")
    for (key, values) in upstreams.sorted(by: { ($0.key.to, $0.key.code.rawValue) < ($1.key.to, $1.key.code.rawValue) })
    {
      page.buckets(
        "coredns_proxy_request_duration_seconds",
        "proxy_name=\"forward\",to=\"\(key.to)\",rcode=\"\(codeName(Int(key.code.rawValue)))\"", values)
    }
    if let zone = server.currentZone {
      page.histogram(
        "coredns_kubernetes_dns_programming_duration_seconds",
        "Seconds from the cause of a change of endpoints until it was answered.",
        "service_kind=\"headless_with_selector\"", [zone.programming.histogram])
    }
    return page.text
  }

  private static func codeName(_ code: Int) -> String {
    let names = [
      "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
      "NOTZONE",
    ]
    return code < names.count ? names[code] : code == 16 ? "BADVERS" : "OTHER"
  }

  private struct Page {
    var text = ""

    mutating func head(_ name: String, _ type: String, _ help: String) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func line(_ name: String, _ labels: String, _ value: UInt64) {
      text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    mutating func histogram(_ name: String, _ help: String, _ labels: String, _ values: [Statistics.Histogram]) {
      head(name, "histogram", help)
      buckets(name, labels, values)
    }

    mutating func buckets(_ name: String, _ labels: String, _ values: [Statistics.Histogram]) {
      let all = values.map(\.values)
      var total: UInt64 = 0
      for (index, bound) in values[0].bounds.enumerated() {
        total += all.reduce(0) { $0 + $1.counts[index] }
        line("\(name)_bucket", "\(labels),le=\"\(bound)\"", total)
      }
      total += all.reduce(0) { $0 + ($1.counts.last ?? 0) }
      line("\(name)_bucket", "\(labels),le=\"+Inf\"", total)
      text += "\(name)_sum{\(labels)} \(all.reduce(0) { $0 + $1.sum })\n"
      line("\(name)_count", labels, total)
    }
  }
}
