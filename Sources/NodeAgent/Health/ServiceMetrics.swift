internal import Addressing
internal import ClusterModel
internal import Linux
internal import ServiceProxy
internal import Synchronization

/// Numbers of the Services plane in the text format of Prometheus (version 0.0.4), under kube-proxy's names where it has
/// one that means the same. One pass serves both families here: it counts for each, as kube-proxy's two would.
final class ServiceMetrics: Sendable {
  struct State {
    var full = DurationHistogram()
    var partial = DurationHistogram()
    var programming: [IPFamily: DurationHistogram] = [:]
    var lastSync = 0.0
    var lastQueued = 0.0
    /// Services of which something changed that is not programmed yet.
    var waiting: Set<ChangeKey> = []
    /// The last time at which a Service's endpoints changed that was counted in `programming`; of Services alone whose
    /// endpoints changed since the start.
    var counted: [NamespacedName: Int64] = [:]
    var healthz: [Int: Int] = [:]
    var livez: [Int: Int] = [:]
  }

  private let state: Mutex<State> = Mutex(State())
  /// What changed earlier was not waiting for this proxy; in nanoseconds since 1970.
  private let begin: Int64

  init(begin: Int64 = Int64(Time.wallSeconds * 1e9)) { self.begin = begin }

  /// All of it as it is now.
  var current: State { state.withLock { $0 } }

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

  /// A Service's endpoints are programmed as its slices say. Each time of a change is counted once a family; those of
  /// slices that are gone are not known (kube-proxy: the same).
  func programmed(_ id: NamespacedName, _ slices: [EndpointSlice], now: Int64 = Int64(Time.wallSeconds * 1e9)) {
    if slices.isEmpty {
      state.withLock { $0.counted[id] = nil }
      return
    }
    guard let last = slices.compactMap(\.changeTriggered).max(), last > begin else { return }
    state.withLock { state in
      let counted = state.counted[id] ?? begin
      if last <= counted { return }
      state.counted[id] = last
      for family in IPFamily.allCases {
        let times = Set(slices.lazy.filter { $0.family == family }.compactMap(\.changeTriggered))
        for time in times where time > counted {
          state.programming[family, default: DurationHistogram(DurationHistogram.programming)]
            .add(Double(max(0, now - time)) / 1e9)
        }
      }
    }
  }

  func answered(isLiveness: Bool, _ code: Int) {
    state.withLock { state in
      if isLiveness { state.livez[code, default: 0] += 1 } else { state.healthz[code, default: 0] += 1 }
    }
  }
}
