internal import JSON
internal import Kubernetes
internal import Linux

/// Keeps one pod of each DaemonSet on every node it is for. Keys are DaemonSets.
final class DaemonSetController: Controller {
  let name = "daemonsets"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let tracker: WriteTracker

  init(_ context: ControllerContext) {
    self.context = context
    tracker = WriteTracker(context.pods, queue: queue)
  }

  func observe() {
    queue.follow(context.daemonSets)
    queue.followOwners(of: context.pods, kind: "DaemonSet", in: context.daemonSets)
    context.nodes.observe { [context, queue] old, new in
      if let old, let new, old.labels == new.labels, old.spec["taints"] == new.spec["taints"] { return }
      for set in context.daemonSets.all { queue.add(set.key) }
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let set = context.daemonSets.get(key), !set.isTerminating, let selector = context.selector(of: set) else {
      return
    }
    let pods = try context.claim(
      .pods, context.pods.list(namespace: key.namespace), owner: set, .daemonSets,
      selector: selector)
    let revisions = try TemplateRevisions(context, set, .daemonSets, selector: selector)
    let hash = revisions.current.labels[TemplateRevisions.hashLabel] ?? revisions.current.name
    let nodes = context.nodes.all.filter { !$0.isTerminating }
    let plan = DaemonSetPlan(set, nodes: nodes, pods: pods, hash: hash)
    let now = Timestamp.now()
    if tracker.isSettled(key) {
      try carryOut(plan, set, hash, now)
    }
    try writeStatus(plan, set, nodes, hash, now)
    try revisions.trim(
      context, owner: set, keeping: Set(pods.compactMap { $0.labels[TemplateRevisions.hashLabel] }))
  }

  private func carryOut(_ plan: DaemonSetPlan, _ set: KubernetesObject, _ hash: String, _ now: Timestamp) throws {
    var victims = plan.delete
    var places = plan.create
    if victims.isEmpty, places.isEmpty, set.spec["updateStrategy", "type"].string != "OnDelete" {
      (victims, places) = plan.update(set, hash: hash, now: now)
    }
    for node in places {
      let pod = Self.pod(set, node: node, hash: hash)
      tracker.wrote(try context.client.create(.pods, pod), for: set.key)
      context.events.record(set, reason: "SuccessfulCreate", message: "Created pod: \(pod.name)")
    }
    for pod in victims {
      try context.client.delete(.pods, namespace: pod.namespace, name: pod.name, .init(uid: pod.uid))
      tracker.deleted(pod, for: set.key)
      context.events.record(set, reason: "SuccessfulDelete", message: "Deleted pod: \(pod.name)")
    }
  }

  static func pod(_ set: KubernetesObject, node: String, hash: String) -> KubernetesObject {
    var pod = PodTemplate.pod(
      set.spec["template"], owner: set, name: NameSuffix.generate(set.name + "-"))
    pod.labels[TemplateRevisions.hashLabel] = hash
    pod.spec["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"] = [
      "nodeSelectorTerms": [
        ["matchFields": [["key": "metadata.name", "operator": "In", "values": [.string(node)]]]]
      ]
    ]
    var tolerations = pod.spec["tolerations"].elements
    for standard in DaemonSetPlan.standardTolerations(hostNetwork: pod.spec["hostNetwork"].bool ?? false)
    where !tolerations.contains(standard) {
      tolerations.append(standard)
    }
    pod.spec["tolerations"] = .array(tolerations)
    return pod
  }

  private func writeStatus(
    _ plan: DaemonSetPlan, _ set: KubernetesObject, _ nodes: [KubernetesObject], _ hash: String, _ now: Timestamp
  ) throws {
    let minReadySeconds = set.spec["minReadySeconds"].int ?? 0
    var scheduled = 0
    var misscheduled = 0
    var ready = 0
    var available = 0
    var updated = 0
    var unsettled = false
    for node in nodes {
      let living = (plan.byNode[node.name] ?? []).filter { $0.isActive && $0.nodeName == node.name }
      // Of two on a node, as an update with surge has them, the better one counts.
      guard let pod = living.first(where: \.isReady) ?? living.first else { continue }
      guard plan.eligible.contains(node.name) else {
        misscheduled += 1
        continue
      }
      scheduled += 1
      if pod.isReady { ready += 1 }
      if pod.isAvailable(minReadySeconds: minReadySeconds, now: now) {
        available += 1
      } else if pod.isReady {
        unsettled = true
      }
      if living.contains(where: { $0.labels[TemplateRevisions.hashLabel] == hash }) { updated += 1 }
    }
    var status: JSON = set.status.object == nil ? [:] : set.status
    status["observedGeneration"] = .count(set.generation)
    status["desiredNumberScheduled"] = .count(plan.eligible.count)
    status["currentNumberScheduled"] = .count(scheduled)
    status["numberMisscheduled"] = .count(misscheduled)
    status["numberReady"] = .count(ready)
    status["updatedNumberScheduled"] = .count(updated)
    status["numberAvailable"] = .count(available)
    let unavailable = plan.eligible.count - available
    status["numberUnavailable"] = unavailable == 0 ? .null : .count(unavailable)
    try context.updateStatus(.daemonSets, set, status)
    if unsettled { queue.add(set.key, after: Double(minReadySeconds)) }
  }
}
