internal import JSON
internal import Kubernetes

/// What controllers ask a pod.
extension KubernetesObject {
  var phase: String { status["phase"].string ?? "Pending" }
  /// Its containers have ended for good.
  var isTerminal: Bool { phase == "Succeeded" || phase == "Failed" }
  /// Counts towards replicas: neither ended nor ending.
  var isActive: Bool { !isTerminal && !isTerminating }
  var isReady: Bool { isTrue("Ready") }
  var nodeName: String? { spec["nodeName"].string.flatMap { $0.isEmpty ? nil : $0 } }

  /// Ready for so many seconds.
  func isAvailable(minReadySeconds: Int, now: Timestamp) -> Bool {
    let ready = condition("Ready")
    guard ready["status"].string == "True" else { return false }
    guard minReadySeconds > 0 else { return true }
    guard let since = ready["lastTransitionTime"].string.flatMap({ Timestamp($0) }) else { return false }
    return now.since(since) >= Double(minReadySeconds)
  }

  /// `spec.replicas`, 1 where there is none.
  var replicas: Int { spec["replicas"].int ?? 1 }

  /// Restarts of the container that restarted most often.
  var restarts: Int { status["containerStatuses"].elements.map { $0["restartCount"].int ?? 0 }.max() ?? 0 }
}
