internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Notices nodes that fell silent: neither their Lease nor their status was renewed for the grace period. Their
/// conditions become Unknown, they are tainted, and their pods are no longer ready. Keys are nodes.
final class NodeLifecycleController: Controller {
  static let unreachable = "node.kubernetes.io/unreachable"
  static let notReady = "node.kubernetes.io/not-ready"
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

  init(_ context: ControllerContext, gracePeriod: Double) {
    self.context = context
    self.gracePeriod = gracePeriod
  }

  func observe() {
    context.nodes.observe { [weak self] old, new in
      if new == nil, let old { self?.signs.withLock { $0[old.name] = nil } }
      if let new { self?.queue.add(new.key) }
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
    }
  }

  /// The taints that stand for the Ready condition; others are left alone.
  private func setTaints(_ node: KubernetesObject, status: String, _ now: Timestamp) throws {
    let wanted = status == "True" ? nil : status == "False" ? Self.notReady : Self.unreachable
    let taints = node.spec["taints"].elements
    let ours = [Self.notReady, Self.unreachable]
    var next = taints.filter { taint in
      let key = taint["key"].string ?? ""
      return !ours.contains(key) || key == wanted
    }
    if let wanted {
      for effect in ["NoSchedule", "NoExecute"]
      where !next.contains(where: { $0["key"].string == wanted && $0["effect"].string == effect }) {
        next.append([
          "key": .string(wanted), "effect": .string(effect), "timeAdded": .string(now.description),
        ])
      }
    }
    guard next != taints else { return }
    try context.client.patch(
      .nodes, name: node.name, .merge,
      [
        "metadata": ["uid": .string(node.uid), "resourceVersion": .string(node.resourceVersion)],
        "spec": ["taints": .array(next)],
      ])
  }
}
