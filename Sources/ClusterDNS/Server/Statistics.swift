internal import Synchronization

/// Counters of a server since it was made.
package final class Statistics: Sendable {
  let queriesUDP = Atomic<UInt64>(0)
  let queriesTCP = Atomic<UInt64>(0)
  let dropped = Atomic<UInt64>(0)
  let cacheHits = Atomic<UInt64>(0)
  let forwarded = Atomic<UInt64>(0)
  let upstreamFailures = Atomic<UInt64>(0)
  let refusedForQueue = Atomic<UInt64>(0)
  let nameErrors = Atomic<UInt64>(0)
  let serverFailures = Atomic<UInt64>(0)

  /// The counters by name, for metrics.
  package var values: [(name: String, value: UInt64)] {
    [
      ("queries_udp", queriesUDP.load(ordering: .relaxed)), ("queries_tcp", queriesTCP.load(ordering: .relaxed)),
      ("dropped", dropped.load(ordering: .relaxed)), ("cache_hits", cacheHits.load(ordering: .relaxed)),
      ("forwarded", forwarded.load(ordering: .relaxed)),
      ("upstream_failures", upstreamFailures.load(ordering: .relaxed)),
      ("refused_for_queue", refusedForQueue.load(ordering: .relaxed)),
      ("name_errors", nameErrors.load(ordering: .relaxed)),
      ("server_failures", serverFailures.load(ordering: .relaxed)),
    ]
  }

  func count(_ code: ResponseCode) {
    if code == .nameError { nameErrors.wrappingAdd(1, ordering: .relaxed) }
    if code == .serverFailure { serverFailures.wrappingAdd(1, ordering: .relaxed) }
  }
}
