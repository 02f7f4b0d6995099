/// How long to wait before a process that ended is started again: 0.1 s, doubled at each end up to 5 s, and from the
/// beginning once it has run for 10 s.
struct SupervisorBackoff: Hashable, Sendable {
  static let first = 0.1
  static let most = 5.0
  static let recovered = 10.0

  private var next = Self.first

  /// Seconds to wait after a run that lasted `seconds`.
  mutating func delay(afterRunOf seconds: Double) -> Double {
    if seconds >= Self.recovered { next = Self.first }
    defer { next = min(next * 2, Self.most) }
    return next
  }
}
