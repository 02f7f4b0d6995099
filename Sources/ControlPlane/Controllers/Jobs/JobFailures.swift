internal import Kubernetes

/// The failures of a Job's pods since the last success, and how long to wait after them. Remembers pods that are gone. Pure.
struct JobFailures: Sendable {
  /// Seconds before the first failed pod is replaced; doubled with each failure in a row.
  static let firstPause = 10.0
  static let longestPause = 600.0

  /// When each failed pod ended, by its uid.
  private var ends: [String: Timestamp] = [:]
  private var lastSuccess: Timestamp?

  /// Takes note of pods that ended.
  mutating func note(_ job: KubernetesObject, pods: [KubernetesObject], now: Timestamp) {
    let policy = JobFailurePolicy(job.spec["podFailurePolicy"])
    for pod in pods {
      if pod.phase == "Succeeded" {
        lastSuccess = [lastSuccess, pod.finished].compactMap(\.self).max()
      } else if pod.hasFailed(asReplacedBy: job), policy.verdict(pod) != .ignore {
        // Of several looks the first counts: a pod that is being deleted gets later times.
        if ends[pod.uid] == nil { ends[pod.uid] = min(pod.finished ?? now, now) }
      }
    }
    if let lastSuccess { ends = ends.filter { $0.value > lastSuccess } }
  }

  /// Seconds to wait before the next pod; 0 or less: none.
  func pause(_ now: Timestamp) -> Double {
    guard let last = ends.values.max() else { return 0 }
    let pause = min(Self.longestPause, Self.firstPause * Double(UInt64(1) << UInt64(min(ends.count - 1, 30))))
    return pause - now.since(min(last, now))
  }
}

extension KubernetesObject {
  /// When a pod's last container ended; for one without any: when it was last ready, or its deletion began.
  fileprivate var finished: Timestamp? {
    let ends = status["containerStatuses"].elements.compactMap {
      $0["state", "terminated", "finishedAt"].string.flatMap { Timestamp($0) }
    }
    if let last = ends.max() { return last }
    if isTerminating, !isTerminal {
      return deletionTimestamp?.adding(seconds: -Double(metadata["deletionGracePeriodSeconds"].int ?? 0))
    }
    return condition("Ready")["lastTransitionTime"].string.flatMap { Timestamp($0) }
  }
}
