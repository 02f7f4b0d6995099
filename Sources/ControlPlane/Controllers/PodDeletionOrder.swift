internal import JSON
internal import Kubernetes

/// Which pods of a ReplicaSet go first when there are too many: those whose loss hurts least. Pure. The order is that of
/// Kubernetes: not assigned, pending, not ready, lower deletion cost, more siblings on the node, ready for a shorter
/// time, more restarts, younger.
struct PodDeletionOrder {
  private let pods: [KubernetesObject]
  private let siblings: [String: Int]

  /// `related` are the active pods that share nodes and owner's owner; only their number per node counts.
  init(_ pods: [KubernetesObject], related: [KubernetesObject]) {
    self.pods = pods
    let owners = Set(pods.compactMap { $0.controller?.uid })
    var siblings: [String: Int] = [:]
    for pod in related {
      if let node = pod.nodeName, let owner = pod.controller?.uid, owners.contains(owner) {
        siblings[node, default: 0] += 1
      }
    }
    self.siblings = siblings
  }

  func first(_ count: Int) -> [KubernetesObject] {
    Array(pods.sorted { goesBefore($0, $1) }.prefix(count))
  }

  private func goesBefore(_ left: KubernetesObject, _ right: KubernetesObject) -> Bool {
    if (left.nodeName == nil) != (right.nodeName == nil) { return left.nodeName == nil }
    let phases = ["Pending": 0, "Unknown": 1, "Running": 2]
    let (leftPhase, rightPhase) = (phases[left.phase] ?? 0, phases[right.phase] ?? 0)
    if leftPhase != rightPhase { return leftPhase < rightPhase }
    if left.isReady != right.isReady { return !left.isReady }
    let cost = "controller.kubernetes.io/pod-deletion-cost"
    let (leftCost, rightCost) = (Int(left.annotations[cost] ?? "") ?? 0, Int(right.annotations[cost] ?? "") ?? 0)
    if leftCost != rightCost { return leftCost < rightCost }
    let (leftRank, rightRank) = (siblings[left.nodeName ?? ""] ?? 0, siblings[right.nodeName ?? ""] ?? 0)
    if leftRank != rightRank { return leftRank > rightRank }
    if left.isReady, right.isReady {
      let leftSince = left.condition("Ready")["lastTransitionTime"].string ?? ""
      let rightSince = right.condition("Ready")["lastTransitionTime"].string ?? ""
      if leftSince != rightSince { return leftSince > rightSince }
    }
    if left.restarts != right.restarts { return left.restarts > right.restarts }
    let leftCreated = left.metadata["creationTimestamp"].string ?? ""
    let rightCreated = right.metadata["creationTimestamp"].string ?? ""
    if leftCreated != rightCreated { return leftCreated > rightCreated }
    return left.key < right.key
  }
}
