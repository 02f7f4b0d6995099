internal import Linux

/// How long changes of endpoints took until they were answered: from the moment that the EndpointSlices' annotation
/// `endpoints.kubernetes.io/last-change-trigger-time` tells, to the zone's replacement (the service level indicator "DNS
/// programming latency" of Kubernetes). Headless Services alone, as CoreDNS counts them: others' records do not change with
/// their endpoints. The annotation is of the endpoints' controller, so that such a Service has a selector.
final class ProgrammingTimes: Sendable {
  /// Powers of two of a millisecond, as CoreDNS's.
  let histogram = Statistics.Histogram((0..<20).map { 0.001 * Double(1 << $0) }, unit: 1e-6)
  /// Nanoseconds since 1970. What was due before is not measured: it says when this program was started.
  private let started: Int64

  init(started: Int64 = ProgrammingTimes.now) { self.started = started }

  /// Nanoseconds since 1970.
  static var now: Int64 { Int64(Time.wallSeconds * 1e9) }

  /// Measures a replacement, unless nothing new was the occasion for it.
  func measure(_ old: ServiceRecords?, _ new: ServiceRecords?, now: Int64 = ProgrammingTimes.now) {
    guard let new, new.kind == .headless, let due = new.changeTriggered, due >= started,
      due > old?.changeTriggered ?? .min
    else { return }
    histogram.add(max(Double(now - due) / 1e9, 0))
  }
}
