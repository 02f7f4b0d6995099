internal import JSON
internal import Kubernetes

/// A Job's `podFailurePolicy` (KEP-3329): what a failed pod means for the Job. The first rule that fits decides. Pure.
struct JobFailurePolicy {
  enum Verdict: Equatable {
    /// One more failure.
    case count
    /// No failure: the pod is replaced.
    case ignore
    /// The whole Job has failed.
    case failJob(message: String)
  }

  private let rules: [JSON]

  /// - Parameter policy: `spec.podFailurePolicy`, or null.
  init(_ policy: JSON) { rules = policy["rules"].elements }

  /// Of a pod whose phase is Failed; others count.
  func verdict(_ pod: KubernetesObject) -> Verdict {
    guard pod.phase == "Failed" else { return .count }
    for (index, rule) in rules.enumerated() {
      guard let reason = fits(rule, pod) else { continue }
      switch rule["action"].string {
      case "FailJob": return .failJob(message: "\(reason) matching FailJob rule at index \(index)")
      case "Ignore": return .ignore
      default: return .count
      }
    }
    return .count
  }

  /// Why a rule fits a pod; nil if it does not.
  private func fits(_ rule: JSON, _ pod: KubernetesObject) -> String? {
    let codes = rule["onExitCodes"]
    if codes.object != nil {
      for container in pod.status["initContainerStatuses"].elements + pod.status["containerStatuses"].elements {
        guard let code = container["state", "terminated", "exitCode"].int, code != 0 else { continue }
        if let name = codes["containerName"].string, container["name"].string != name { continue }
        let isNamed = codes["values"].elements.contains { $0.int == code }
        guard isNamed == (codes["operator"].string == "In") else { continue }
        return "Container \(container["name"].string ?? "") for pod \(pod.key) failed with exit code \(code)"
      }
      return nil
    }
    for pattern in rule["onPodConditions"].elements {
      let condition = pod.condition(pattern["type"].string ?? "")
      guard !condition.isNull, condition["status"].string == pattern["status"].string ?? "True" else { continue }
      return "Pod \(pod.key) has condition \(pattern["type"].string ?? "")"
    }
    return nil
  }
}
