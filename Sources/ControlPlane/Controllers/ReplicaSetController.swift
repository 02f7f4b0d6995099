internal import JSON
internal import Kubernetes
internal import Linux

/// Keeps as many pods as a ReplicaSet asks for. Keys are ReplicaSets.
final class ReplicaSetController: Controller {
  /// At most so many pods are created or deleted in one step of one ReplicaSet.
  static let burst = 500

  let name = "replicasets"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let tracker: WriteTracker

  init(_ context: ControllerContext) {
    self.context = context
    tracker = WriteTracker(context.pods, queue: queue)
  }

  func observe() {
    queue.follow(context.replicaSets)
    queue.followOwners(of: context.pods, kind: "ReplicaSet", in: context.replicaSets)
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let set = context.replicaSets.get(key), let selector = context.selector(of: set) else { return }
    let candidates = context.pods.list(namespace: key.namespace).filter { !$0.isTerminal }
    let pods = try context.claim(.pods, candidates, owner: set, .replicaSets, selector: selector)
    let active = pods.filter(\.isActive)
    var failure: (any Error)?
    if !set.isTerminating, tracker.isSettled(key) {
      do {
        try scale(set, active)
      } catch {
        failure = error
      }
    }
    try writeStatus(set, active, failure)
    if let failure { throw failure }
  }

  private func scale(_ set: KubernetesObject, _ active: [KubernetesObject]) throws {
    let missing = set.replicas - active.count
    if missing > 0 {
      // One at first, then twice as many: a template the API refuses is not sent five hundred times.
      var left = min(missing, Self.burst)
      var batch = 1
      while left > 0 {
        for _ in 0..<min(batch, left) { try create(set) }
        left -= min(batch, left)
        batch *= 2
      }
    } else if missing < 0 {
      let related = context.pods.list(namespace: set.namespace).filter(\.isActive)
      let victims = PodDeletionOrder(active, related: related).first(min(-missing, Self.burst))
      for pod in victims {
        try context.client.delete(.pods, namespace: pod.namespace, name: pod.name, .init(uid: pod.uid))
        tracker.deleted(pod, for: set.key)
        context.events.record(set, reason: "SuccessfulDelete", message: "Deleted pod: \(pod.name)")
      }
    }
  }

  private func create(_ set: KubernetesObject) throws {
    let pod = PodTemplate.pod(set.spec["template"], owner: set, name: NameSuffix.generate(set.name + "-"))
    do {
      tracker.wrote(try context.client.create(.pods, pod), for: set.key)
      context.events.record(set, reason: "SuccessfulCreate", message: "Created pod: \(pod.name)")
    } catch {
      if let status = error as? APIStatus, !status.isNamespaceTerminating {
        context.events.record(set, .warning, reason: "FailedCreate", message: "Error creating: \(status.message)")
      }
      throw error
    }
  }

  private func writeStatus(_ set: KubernetesObject, _ active: [KubernetesObject], _ failure: (any Error)?) throws {
    let now = Timestamp.now()
    let minReadySeconds = set.spec["minReadySeconds"].int ?? 0
    let templateLabels = set.spec["template", "metadata", "labels"].stringMap
    let ready = active.filter(\.isReady)
    let available = ready.count { $0.isAvailable(minReadySeconds: minReadySeconds, now: now) }
    var status: JSON = set.status.object == nil ? [:] : set.status
    status["replicas"] = .count(active.count)
    status["fullyLabeledReplicas"] = .count(
      active.count { pod in templateLabels.allSatisfy { pod.labels[$0.key] == $0.value } })
    status["readyReplicas"] = .count(ready.count)
    status["availableReplicas"] = .count(available)
    status["observedGeneration"] = .count(set.generation)
    var conditions = Conditions(status["conditions"])
    if let failure = failure as? APIStatus {
      conditions.set("ReplicaFailure", "True", reason: "FailedCreate", message: failure.message, now: now)
    } else if failure == nil {
      conditions.remove("ReplicaFailure")
    }
    status["conditions"] = conditions.json
    try context.updateStatus(.replicaSets, set, status)
    if available < ready.count { queue.add(set.key, after: Double(minReadySeconds)) }
  }
}
