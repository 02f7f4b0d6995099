internal import JSON
internal import Kubernetes

/// The next steps of a StatefulSet, from its pods. Pure.
///
/// Ordered: a pod is made when all before it are ready, and removed when all after it are gone. Parallel: at once.
/// Updates go from the last pod to the first, each when the one before it in this order is ready again.
struct StatefulSetPlan: Equatable {
  /// Ordinals to make, with the revision to make them from.
  var create: [Int: String] = [:]
  /// Names of pods to delete.
  var delete: [String] = []
  /// Seconds after which a pod becomes available that is ready already.
  var recheck: Double?

  struct Input {
    var replicas: Int
    var start = 0
    var isParallel = false
    var isOnDelete = false
    /// Ordinals below start + partition keep the current revision; nil where the set says none.
    var partition: Int?
    var minReadySeconds = 0
    var currentRevision: String
    var updateRevision: String
    /// `status.currentReplicas`: how many pods of the current revision there were.
    var currentReplicas = 0
  }

  /// `pods` by ordinal, terminal and ending ones included.
  init(_ input: Input, pods: [Int: KubernetesObject], now: Timestamp) {
    let wanted = input.start..<(input.start + max(0, input.replicas))
    let isHealthy = { (pod: KubernetesObject) in pod.phase == "Running" && pod.isReady && !pod.isTerminating }
    let minimum = input.minReadySeconds
    for ordinal in wanted {
      guard let pod = pods[ordinal] else {
        create[ordinal] = Self.revision(input, ordinal)
        if input.isParallel { continue }
        return
      }
      if pod.isTerminal, !pod.isTerminating {
        delete.append(pod.name)
        if input.isParallel { continue }
        return
      }
      if input.isParallel { continue }
      guard isHealthy(pod) else { return }
      guard pod.isAvailable(minReadySeconds: minimum, now: now) else {
        recheck = Double(minimum)
        return
      }
    }
    let condemned = pods.filter { !wanted.contains($0.key) }.sorted { $0.key > $1.key }
    for (_, pod) in condemned {
      if !pod.isTerminating { delete.append(pod.name) }
      if !input.isParallel { return }
    }
    guard !input.isOnDelete, create.isEmpty else { return }
    for ordinal in wanted.reversed() where ordinal >= input.start + (input.partition ?? 0) {
      guard let pod = pods[ordinal] else { return }
      if pod.labels[TemplateRevisions.hashLabel] != input.updateRevision {
        if !pod.isTerminating { delete.append(pod.name) }
        return
      }
      guard isHealthy(pod) else { return }
      guard pod.isAvailable(minReadySeconds: minimum, now: now) else {
        recheck = Double(minimum)
        return
      }
    }
  }

  /// A lost pod comes back as it was while the update has not reached it.
  private static func revision(_ input: Input, _ ordinal: Int) -> String {
    if input.isOnDelete { return input.updateRevision }
    let isCurrent = ordinal < input.start + (input.partition ?? input.currentReplicas)
    return isCurrent ? input.currentRevision : input.updateRevision
  }
}
