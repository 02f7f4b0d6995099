internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Notices nodes that fell silent: neither their Lease nor their status was renewed for the grace period. Their
/// conditions become Unknown, they are tainted, and their pods are no longer ready, so that no Service sends there. Keys
/// are nodes. Who must leave a tainted node is the taint eviction controller's to say.
final class NodeLifecycleController: Controller {
  static let leaseNamespace = "kube-node-lease"

  /// The last sign of life, and when it came by our clock: the node's own clock may be wrong.
  private struct Sign {
    var text: String
    var seen: Timestamp
  }

  let name = "node lifecycle"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let gracePeriod: Double
  private let signs = Mutex<[String: Sign]>([:])
  private let pace: Mutex<NodeEvictionPace>

  init(_ context: ControllerContext, gracePeriod: Double, rates: NodeEvictionRates = NodeEvictionRates()) {
    self.context = context
    self.gracePeriod = gracePeriod
    pace = Mutex(NodeEvictionPace(rates))
  }

  func observe() {
    context.nodes.observe { [weak self] old, new in
      if new == nil, let old { self?.signs.withLock { $0[old.name] = nil } }
      if let new { self?.queue.add(new.key) }
      guard let self, let node = new ?? old else { return }
      let change = pace.withLock {
        $0.set(node.name, zone: new?.evictionZone, isReady: node.isTrue("Ready"), now: Time.monotonicSeconds)
      }
      // Everybody was cut off, and so were we: each node gets its time anew.
      if change.endsBlackout {
        let now = Timestamp.now()
        signs.withLock { signs in for name in Array(signs.keys) { signs[name]?.seen = now } }
      }
      guard context.nodes.hasSynced, change.concernsOthers else { return }
      for node in context.nodes.all where !node.isTrue("Ready") { queue.add(node.key) }
    }
    // A renewed lease of a healthy node is nothing to work on: the timer will see it.
    context.leases.observe { [context, queue] _, new in
      guard let new, new.namespace == Self.leaseNamespace, let node = context.nodes.get("", new.name) else { return }
      if node.condition("Ready")["status"].string == "Unknown" { queue.add(node.key) }
    }
    context.pods.observe { [context, queue] old, new in
      guard let new, new.isReady, !(old?.isReady ?? false), let name = new.nodeName,
        let node = context.nodes.get("", name), node.condition("Ready")["status"].string == "Unknown"
      else { return }
      queue.add(node.key)
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let node = context.nodes.get(key), !node.isTerminating else { return }
    let now = Timestamp.now()
    let sign =
      (context.leases.get(Self.leaseNamespace, node.name)?.spec["renewTime"].string ?? "") + "/"
      + (node.condition("Ready")["lastHeartbeatTime"].string ?? "")
    let silence = signs.withLock { signs in
      if let last = signs[node.name], last.text == sign { return now.since(last.seen) }
      signs[node.name] = Sign(text: sign, seen: now)
      return 0
    }
    if silence > gracePeriod {
      try markUnknown(node, now)
    } else {
      queue.add(key, after: gracePeriod - silence + 0.1)
      // A node that has said nothing of itself yet is given the grace period too.
      if let status = node.condition("Ready")["status"].string { try setTaints(node, status: status, now) }
    }
  }

  private func markUnknown(_ node: KubernetesObject, _ now: Timestamp) throws {
    var conditions = Conditions(node.status["conditions"])
    for type in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
      guard type == "Ready" || !conditions[type].isNull, conditions[type]["status"].string != "Unknown" else {
        continue
      }
      conditions.set(
        type, "Unknown", reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status.", now: now)
    }
    var status: JSON = node.status.object == nil ? [:] : node.status
    status["conditions"] = conditions.json
    if status != node.status {
      try context.updateStatus(.nodes, node, status)
      context.events.record(
        node, reason: "NodeNotReady", message: "Node \(node.name) status is now: NodeNotReady")
      return  // the changed node comes into the queue again
    }
    try setTaints(node, status: "Unknown", now)
    for pod in context.pods.list(ControllerContext.Index.node, node.name) where pod.isReady {
      var conditions = Conditions(pod.status["conditions"])
      conditions.set("Ready", "False", reason: "NodeNotReady", message: "The node fell silent.", now: now)
      var status = pod.status
      status["conditions"] = conditions.json
      try context.updateStatus(.pods, pod, status)
      context.events.record(pod, .warning, reason: "NodeNotReady", message: "Node is not ready")
    }
  }

  private func setTaints(_ node: KubernetesObject, status: String, _ now: Timestamp) throws {
    let taints = NodeTaints.wanted(node, status: status, evicts: status != "True" && mayEvict(node), now: now)
    guard taints != node.spec["taints"].elements else { return }
    try context.client.patch(
      .nodes, name: node.name, .merge,
      [
        "metadata": ["uid": .string(node.uid), "resourceVersion": .string(node.resourceVersion)],
        "spec": ["taints": .array(taints)],
      ])
  }

  /// Whether pods may be driven from a node now; if not now, it comes into the queue again.
  private func mayEvict(_ node: KubernetesObject) -> Bool {
    let isBegun = NodeTaints.evicts(node)
    switch pace.withLock({ $0.admit(node.name, isBegun: isBegun, now: Time.monotonicSeconds) }) {
    case .evict: return true
    case .wait(let seconds): queue.add(node.key, after: seconds + 0.01)
    case .never: break
    }
    return false
  }
}

extension KubernetesObject {
  /// Of a node: the failure domain whose nodes are judged together.
  fileprivate var evictionZone: String {
    func label(_ name: String) -> String {
      labels["topology.kubernetes.io/\(name)"] ?? labels["failure-domain.beta.kubernetes.io/\(name)"] ?? ""
    }
    return label("region") + "/" + label("zone")
  }
}
