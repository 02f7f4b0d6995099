internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Deletes pods from nodes whose taints of effect NoExecute they do not tolerate, or no longer. Keys are pods.
final class TaintEvictionController: Controller {
  let name = "taint eviction"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  /// When taints that do not say since when they are there were first seen: by node and taint.
  private let seen = Mutex<[String: Timestamp]>([:])

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    context.nodes.observe { [weak self] old, new in
      guard let self, let node = new ?? old else { return }
      guard let new else { return seen.withLock { $0 = $0.filter { !$0.key.hasPrefix("\(node.name)/") } } }
      let taints = Self.evicting(new)
      guard taints != old.map(Self.evicting) ?? [] else { return }
      let keys = Set(taints.map { Self.id(new, $0) })
      seen.withLock { seen in
        seen = seen.filter { !$0.key.hasPrefix("\(new.name)/") || keys.contains($0.key) }
        for key in keys where seen[key] == nil { seen[key] = .now() }
      }
      for pod in context.pods.list(ControllerContext.Index.node, new.name) { queue.add(pod.key) }
    }
    context.pods.observe { [queue, context] old, new in
      guard let new, !new.isTerminating, let name = new.nodeName else { return }
      if let old, old.nodeName != nil, old.spec["tolerations"] == new.spec["tolerations"] { return }
      // Nodes may be known later than their pods; then the node puts the pod into the queue.
      if let node = context.nodes.get("", name), !Self.evicting(node).isEmpty { queue.add(new.key) }
    }
  }

  private static func evicting(_ node: KubernetesObject) -> [JSON] {
    node.spec["taints"].elements.filter { $0["effect"].string == "NoExecute" }
  }

  private static func id(_ node: KubernetesObject, _ taint: JSON) -> String {
    "\(node.name)/\(taint["key"].string ?? "")=\(taint["value"].string ?? "")"
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let pod = context.pods.get(key), !pod.isTerminating, !pod.isTerminal, let name = pod.nodeName,
      let node = context.nodes.get("", name)
    else { return }
    let now = Timestamp.now()
    let decision = TaintEviction(
      taints: Self.evicting(node), tolerations: pod.spec["tolerations"].elements, now: now
    ) { taint in
      taint["timeAdded"].string.flatMap { Timestamp($0) } ?? seen.withLock { $0[Self.id(node, taint)] } ?? now
    }
    switch decision {
    case .stays: return
    case .leaves(let seconds) where seconds > 0: queue.add(key, after: seconds + 0.05)
    case .leaves: try evict(pod)
    }
  }

  private func evict(_ pod: KubernetesObject) throws {
    var conditions = Conditions(pod.status["conditions"])
    conditions.set(
      "DisruptionTarget", "True", reason: "DeletionByTaintManager",
      message: "The pod does not tolerate a taint of its node and is deleted.", now: .now())
    var status = pod.status
    status["conditions"] = conditions.json
    try context.updateStatus(.pods, pod, status)
    context.events.record(pod, reason: "TaintManagerEviction", message: "Marked for deletion: pod \(pod.key)")
    try context.client.delete(.pods, namespace: pod.namespace, name: pod.name, .init(uid: pod.uid))
  }
}
