internal import Addressing
internal import Synchronization

/// Counters of one worker since it was made. One thread counts, any may read.
package final class Statistics: Sendable {
  /// How often values were within bounds.
  package final class Histogram: Sendable {
    package let bounds: [Double]
    private let counts: Counters
    private let sum = Atomic<UInt64>(0)
    /// What the sum counts: values are kept as whole numbers of this part of one.
    private let unit: Double

    init(_ bounds: [Double], unit: Double = 1) {
      self.bounds = bounds
      self.unit = unit
      counts = Counters(bounds.count + 1)
    }

    func add(_ value: Double, times: Int = 1) {
      var index = 0
      while index < bounds.count, value > bounds[index] { index += 1 }
      counts.add(index, UInt64(times))
      sum.wrappingAdd(UInt64(value / unit) * UInt64(times), ordering: .relaxed)
    }

    /// Those within each bound (not added up), then those beyond; and the sum of all values.
    package var values: (counts: [UInt64], sum: Double) {
      (counts.numbers, Double(sum.load(ordering: .relaxed)) * unit)
    }
  }

  final class Counters: Sendable {
    private let values: [Value]
    private final class Value: Sendable { let number = Atomic<UInt64>(0) }

    init(_ count: Int) { values = (0..<count).map { _ in Value() } }

    func add(_ index: Int, _ count: UInt64 = 1) {
      values[min(index, values.count - 1)].number.wrappingAdd(count, ordering: .relaxed)
    }
    var numbers: [UInt64] { values.map { $0.number.load(ordering: .relaxed) } }
  }

  let queriesUDP = Atomic<UInt64>(0)
  let queriesTCP = Atomic<UInt64>(0)
  let dropped = Atomic<UInt64>(0)
  let cacheHits = Atomic<UInt64>(0)
  let cacheMisses = Atomic<UInt64>(0)
  let staleAnswers = Atomic<UInt64>(0)
  let prefetches = Atomic<UInt64>(0)
  let forwarded = Atomic<UInt64>(0)
  let upstreamFailures = Atomic<UInt64>(0)
  let refusedForQueue = Atomic<UInt64>(0)
  let refusedForRate = Atomic<UInt64>(0)
  /// By code, 0 to 16; others in the last.
  private let codes = Counters(18)
  /// By transport, family and type.
  private let questions = Counters(4 * (Statistics.countedTypes.count + 1))
  private let upstreams = Mutex<[UpstreamKey: Histogram]>([:])
  /// CoreDNS's bounds.
  package let sizesOfQuestions = Histogram(Statistics.sizes)
  package let sizesOfAnswers = Histogram(Statistics.sizes)
  package let durations = Histogram((0..<16).map { 0.00025 * Double(1 << $0) }, unit: 1e-6)

  private static let sizes: [Double] = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000]

  package struct UpstreamKey: Hashable, Sendable {
    package var to: String
    package var code: ResponseCode
  }

  package static let countedTypes: [RecordType] = [
    .a, .aaaa, .srv, .ptr, .txt, .cname, .ns, .soa, .mx, .any, RecordType(rawValue: 65),
  ]

  /// The counters by name.
  package var values: [String: UInt64] {
    [
      "queries_udp": queriesUDP.load(ordering: .relaxed), "queries_tcp": queriesTCP.load(ordering: .relaxed),
      "dropped": dropped.load(ordering: .relaxed), "cache_hits": cacheHits.load(ordering: .relaxed),
      "cache_misses": cacheMisses.load(ordering: .relaxed), "stale_answers": staleAnswers.load(ordering: .relaxed),
      "prefetches": prefetches.load(ordering: .relaxed), "forwarded": forwarded.load(ordering: .relaxed),
      "upstream_failures": upstreamFailures.load(ordering: .relaxed),
      "refused_for_queue": refusedForQueue.load(ordering: .relaxed),
      "refused_for_rate": refusedForRate.load(ordering: .relaxed),
    ]
  }

  /// Answers by code; the last are those with any other.
  package var responses: [UInt64] { codes.numbers }

  /// Questions by what CoreDNS tells apart. A type that is not counted for itself is `other`.
  package var questionCounts: [(transport: String, family: Int, type: String, count: UInt64)] {
    questions.numbers.enumerated().map { index, count in
      let type = index / 4
      return (
        index & 2 == 0 ? "udp" : "tcp", index & 1 == 0 ? 1 : 2,
        type < Self.countedTypes.count ? Self.countedTypes[type].name : "other", count
      )
    }
  }

  package var upstreamDurations: [UpstreamKey: Histogram] { upstreams.withLock { $0 } }

  func count(_ code: ResponseCode) { codes.add(Int(code.rawValue)) }

  func count(_ type: RecordType, isTCP: Bool, isIPv6: Bool) {
    var index = 0
    while index < Self.countedTypes.count, Self.countedTypes[index] != type { index += 1 }
    questions.add(index << 2 | (isTCP ? 2 : 0) | (isIPv6 ? 1 : 0))
  }

  func upstream(_ upstream: Upstream, _ code: ResponseCode, _ milliseconds: Int) {
    let key = UpstreamKey(to: "\(upstream.address)", code: code)
    let histogram = upstreams.withLock { upstreams in
      if let known = upstreams[key] { return known }
      let new = Histogram((0..<16).map { 0.00025 * Double(1 << $0) }, unit: 1e-6)
      upstreams[key] = new
      return new
    }
    histogram.add(Double(max(milliseconds, 0)) / 1000)
  }
}
