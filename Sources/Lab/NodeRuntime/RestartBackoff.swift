/// When a container that ended is started again: at once the first time, then after a pause that doubles. A container
/// that ran long enough begins anew. (Kubernetes: 10 s, doubled to 5 min, forgotten after 10 min.)
package struct RestartBackoff: Hashable, Sendable {
  /// Seconds before the second restart.
  package var base: Double
  /// Longest pause, in seconds.
  package var maximum: Double

  package init(base: Double = 10, maximum: Double = 300) {
    self.base = base
    self.maximum = maximum
  }

  /// The pause before a restart, in seconds.
  ///
  /// - Parameter earlierRestarts: how many restarts there were already since the count began.
  package func delay(earlierRestarts: Int) -> Double {
    guard earlierRestarts > 0 else { return 0 }
    return min(maximum, base * Double(UInt64(1) << UInt64(min(earlierRestarts - 1, 40))))
  }

  /// The count a container goes on with after it ran this many seconds.
  package func restarts(after ran: Double, earlierRestarts: Int) -> Int { ran >= 2 * maximum ? 0 : earlierRestarts }
}
