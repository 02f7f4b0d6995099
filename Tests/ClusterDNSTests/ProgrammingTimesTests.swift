import Addressing
import ClusterModel
import Testing

@testable import ClusterDNS

@Suite struct ProgrammingTimesTests {
  static let second: Int64 = 1_000_000_000

  func records(headless: Bool = true, due: Int64?...) throws -> ServiceRecords {
    var service = Service(id: NamespacedName("shop", "db"))
    service.isHeadless = headless
    if !headless { service.clusterAddresses = [IPAddress("10.96.0.9")!] }
    let slices = due.enumerated().map { number, due in
      var slice = EndpointSlice(id: NamespacedName("shop", "db-\(number)"), service: service.id)
      slice.changeTriggered = due
      return slice
    }
    return try #require(
      ServiceRecords(
        ServiceWithEndpoints(service: service, slices: slices), zone: try DomainName(parsing: "cluster.local")))
  }

  @Test func changesAreMeasuredOnce() throws {
    let times = ProgrammingTimes(started: 100 * Self.second)
    let old = try records(due: 90 * Self.second)
    // Due before this server began; not due at all; of no headless Service; gone.
    times.measure(nil, old, now: 101 * Self.second)
    times.measure(nil, try records(due: nil), now: 101 * Self.second)
    times.measure(nil, try records(headless: false, due: 102 * Self.second), now: 103 * Self.second)
    times.measure(old, nil, now: 101 * Self.second)
    #expect(times.histogram.values.counts.allSatisfy { $0 == 0 })
    // Of several slices the latest counts: 3 ms, and the same again when another reason replaces the Service.
    let new = try records(due: 90 * Self.second, 110 * Self.second, nil)
    times.measure(old, new, now: 110 * Self.second + 3_000_000)
    times.measure(new, new, now: 150 * Self.second)
    // Clocks that are not quite equal.
    times.measure(new, try records(due: 120 * Self.second), now: 119 * Self.second)
    // Longer than any bound.
    times.measure(new, try records(due: 121 * Self.second), now: 999 * Self.second)
    let (counts, sum) = times.histogram.values
    #expect(counts.count == 21 && counts[0] == 1 && counts[2] == 1 && counts[20] == 1 && counts.reduce(0, +) == 3)
    #expect(abs(sum - 878.003) < 0.001)
  }

  /// What a scraper reads, under the name, label and bounds that CoreDNS has.
  @Test func thePage() throws {
    let server = try DNSServer(DNSServer.Configuration(listen: [loopback]))
    var service = Service(id: NamespacedName("shop", "db"))
    service.isHeadless = true
    var slice = EndpointSlice(id: NamespacedName("shop", "db-1"), service: service.id)
    slice.changeTriggered = ProgrammingTimes.now - 3600 * Self.second
    server.replaceAll([ServiceWithEndpoints(service: service, slices: [])])
    server.update(service: service.id, to: ServiceWithEndpoints(service: service, slices: [slice]))
    let before = DNSMetrics.text(server, version: "1", failedReloads: 0)
    #expect(before.contains("duration_seconds_count{service_kind=\"headless_with_selector\"} 0\n"), "\(before)")
    slice.changeTriggered = ProgrammingTimes.now
    server.update(service: service.id, to: ServiceWithEndpoints(service: service, slices: [slice]))
    let page = DNSMetrics.text(server, version: "1", failedReloads: 0)
    let name = "coredns_kubernetes_dns_programming_duration_seconds"
    for line in [
      "# TYPE \(name) histogram\n", "\(name)_bucket{service_kind=\"headless_with_selector\",le=\"0.001\"} ",
      "\(name)_bucket{service_kind=\"headless_with_selector\",le=\"524.288\"} 1\n",
      "\(name)_bucket{service_kind=\"headless_with_selector\",le=\"+Inf\"} 1\n",
      "\(name)_count{service_kind=\"headless_with_selector\"} 1\n",
    ] {
      #expect(page.contains(line), "\(line) is not in\n\(page)")
    }
  }
}
