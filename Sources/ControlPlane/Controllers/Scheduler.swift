internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Binds pods to nodes. Keys are pods that have no node.
final class Scheduler: Controller {
  static let schedulerName = "default-scheduler"

  let name = "scheduler"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  /// Pods bound a moment ago that the cache still shows without a node: uid to pod with its node.
  private let assumed = Mutex<[NamespacedKey: KubernetesObject]>([:])
  private let unschedulable = Mutex<Set<NamespacedKey>>([])
  /// What was last told about pods that fit nowhere.
  private let refusals = Mutex<[NamespacedKey: Refusal]>([:])

  /// A refusal that was told as an Event, and when the same may be told again.
  private struct Refusal {
    var message: String
    /// Monotonic seconds.
    var next: Double
    var pause: Double
  }

  /// Seconds before the same refusal of a pod is told a second time; doubled up to five minutes.
  private static let firstPause = 5.0
  private static let longestPause = 300.0

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    context.pods.observe { [weak self] old, new in
      guard let self, let key = (new ?? old)?.key else { return }
      if new == nil || new?.nodeName != nil || new?.isTerminal ?? true {
        assumed.withLock { $0[key] = nil }
        unschedulable.withLock { _ = $0.remove(key) }
        refusals.withLock { $0[key] = nil }
      }
      if let new, Self.isWaiting(new) { queue.add(key) }
      // A pod that ended leaves room.
      if let old, old.nodeName != nil, new == nil || (new?.isTerminal ?? false && !old.isTerminal) { retryAll() }
    }
    context.nodes.observe { [weak self] old, new in
      if let old, let new, old.spec == new.spec, old.labels == new.labels,
        old.status["allocatable"] == new.status["allocatable"]
      {
        return
      }
      self?.retryAll()
    }
  }

  private func retryAll() {
    let keys = unschedulable.withLock { keys in
      defer { keys = [] }
      return keys
    }
    for key in keys { queue.add(key) }
  }

  private static func isWaiting(_ pod: KubernetesObject) -> Bool {
    pod.nodeName == nil && !pod.isTerminating && !pod.isTerminal
      && pod.spec["schedulerName"].string ?? schedulerName == schedulerName
      && pod.spec["schedulingGates"].elements.isEmpty
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let pod = context.pods.get(key), Self.isWaiting(pod), assumed.withLock({ $0[key]?.uid }) != pod.uid else {
      return
    }
    let placed = assumed.withLock { Array($0.values) }
    let candidates = context.nodes.all.filter { !$0.isTerminating }.map { node in
      SchedulingDecision.Candidate(
        node: node,
        pods: context.pods.list(ControllerContext.Index.node, node.name).filter { !$0.isTerminal }
          + placed.filter { $0.nodeName == node.name })
    }
    switch SchedulingDecision.choose(pod, candidates) {
    case .node(let node): try bind(pod, to: node)
    case .none(let reasons):
      unschedulable.withLock { _ = $0.insert(key) }
      try refuse(pod, candidates.count, reasons)
    }
  }

  private func bind(_ pod: KubernetesObject, to node: String) throws {
    var bound = pod
    bound.spec["nodeName"] = .string(node)
    assumed.withLock { $0[pod.key] = bound }
    var binding = KubernetesObject(
      .init(group: "", version: "v1", plural: "bindings", kind: "Binding"), namespace: pod.namespace, name: pod.name)
    binding.json["metadata", "uid"] = .string(pod.uid)
    binding.json["target"] = ["apiVersion": "v1", "kind": "Node", "name": .string(node)]
    do {
      _ = try context.client.answer(
        APIRequest(
          "POST",
          ResourceType.pods.path(namespace: pod.namespace, name: pod.name, subresource: "binding"),
          headers: ["content-type": "application/json"], body: binding.json.bytes()))
    } catch {
      assumed.withLock { $0[pod.key] = nil }
      throw error
    }
    // The cache may have shown the binding before this line.
    if context.pods.get(pod.key)?.nodeName != nil { assumed.withLock { $0[pod.key] = nil } }
    context.events.record(
      pod, reason: "Scheduled", message: "Successfully assigned \(pod.key) to \(node)")
  }

  private func refuse(_ pod: KubernetesObject, _ nodes: Int, _ reasons: [String: Int]) throws {
    let parts = reasons.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
    let message =
      nodes == 0
      ? "no nodes available to schedule pods"
      : "0/\(nodes) nodes are available: \(parts.joined(separator: ", "))."
    if isWorthTelling(pod.key, message) {
      context.events.record(pod, .warning, reason: "FailedScheduling", message: message)
    }
    var conditions = Conditions(pod.status["conditions"])
    conditions.set("PodScheduled", "False", reason: "Unschedulable", message: message, now: .now())
    var status: JSON = pod.status.object == nil ? [:] : pod.status
    status["conditions"] = conditions.json
    try context.updateStatus(.pods, pod, status)
  }

  /// Whatever happens in the cluster makes every waiting pod be tried again; that it still fits nowhere is no news.
  private func isWorthTelling(_ key: NamespacedKey, _ message: String) -> Bool {
    let now = Time.monotonicSeconds
    return refusals.withLock { refusals in
      let last = refusals[key]
      if let last, last.message == message, now < last.next { return false }
      let pause = last.map { $0.message == message ? min($0.pause * 2, Self.longestPause) : $0.pause }
      refusals[key] = Refusal(message: message, next: now + (pause ?? Self.firstPause), pause: pause ?? Self.firstPause)
      return true
    }
  }
}
