internal import JSON
internal import Kubernetes

/// When a pod has to leave its node for the sake of taints with effect NoExecute. Pure.
enum TaintEviction: Equatable {
  case stays
  /// Seconds from now; 0 is at once.
  case leaves(after: Double)

  /// - Parameter since: since when a taint is on the node.
  init(taints: [JSON], tolerations: [JSON], now: Timestamp, since: (JSON) -> Timestamp) {
    var shortest: Double?
    for taint in taints where taint["effect"].string == "NoExecute" {
      let fitting = tolerations.filter { Tolerations.tolerates($0, taint) }
      guard !fitting.isEmpty else {
        self = .leaves(after: 0)
        return
      }
      // Of several tolerations the shortest counts; one without a time tolerates for ever.
      for seconds in fitting.compactMap({ $0["tolerationSeconds"].int }) {
        let left = Double(max(0, seconds)) - now.since(min(now, since(taint)))
        shortest = min(shortest ?? .infinity, max(0, left))
      }
    }
    self = shortest.map { .leaves(after: $0) } ?? .stays
  }
}
