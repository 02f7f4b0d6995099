internal import JSON
internal import Kubernetes

/// Which pods of a DaemonSet to make and to delete. Pure.
struct DaemonSetPlan {
  /// Names of nodes that need a pod.
  private(set) var create: [String] = []
  private(set) var delete: [KubernetesObject] = []
  /// Nodes that should run a pod.
  private(set) var eligible: Set<String> = []
  /// Pods by the node they are for.
  private(set) var byNode: [String: [KubernetesObject]] = [:]

  /// Tolerations every daemon pod has, so that it stays on a node in trouble (DaemonSet documentation).
  static func standardTolerations(hostNetwork: Bool) -> [JSON] {
    var tolerations: [JSON] = [
      "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable",
    ].map { ["key": .string($0), "operator": "Exists", "effect": "NoExecute"] }
    var keys = ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"]
    if hostNetwork { keys.append("network-unavailable") }
    tolerations += keys.map {
      ["key": .string("node.kubernetes.io/\($0)"), "operator": "Exists", "effect": "NoSchedule"]
    }
    return tolerations
  }

  /// The node a daemon pod is for: its own, or the one its affinity names.
  static func target(_ pod: KubernetesObject) -> String? {
    if let node = pod.nodeName { return node }
    let required = pod.spec["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]
    for term in required["nodeSelectorTerms"].elements {
      for field in term["matchFields"].elements where field["key"].string == "metadata.name" {
        return field["values"][0].string
      }
    }
    return nil
  }

  /// Whether a node should have a pod, and whether one that is there may stay.
  static func fits(_ node: KubernetesObject, _ spec: JSON) -> (shouldRun: Bool, mayStay: Bool) {
    if let name = spec["nodeName"].string, !name.isEmpty, name != node.name { return (false, false) }
    guard NodeAffinity.matches(spec, node) else { return (false, false) }
    let tolerations =
      spec["tolerations"].elements + standardTolerations(hostNetwork: spec["hostNetwork"].bool ?? false)
    let taints = node.spec["taints"].elements
    let mayStay = Tolerations.untolerated(taints, tolerations, effects: ["NoExecute"]) == nil
    return (mayStay && Tolerations.untolerated(taints, tolerations) == nil, mayStay)
  }

  /// `hash` is the present revision's: with `maxSurge` a pod of it may stand beside one of before until it is available.
  init(_ set: KubernetesObject, nodes: [KubernetesObject], pods: [KubernetesObject], hash: String = "") {
    let spec = set.spec["template", "spec"]
    let surges = Self.surge(set, of: nodes.count) > 0
    for pod in pods { if let node = Self.target(pod) { byNode[node, default: []].append(pod) } }
    let names = Set(nodes.map(\.name))
    for node in nodes.sorted(by: { $0.name < $1.name }) {
      let (shouldRun, mayStay) = Self.fits(node, spec)
      if shouldRun { eligible.insert(node.name) }
      let here = byNode[node.name] ?? []
      let failed = here.filter { $0.isTerminal && !$0.isTerminating }
      delete += failed
      let living = here.filter(\.isActive)
      if !mayStay {
        delete += living
      } else if shouldRun {
        if here.isEmpty { create.append(node.name) }
        // One is enough: a ready one, then the oldest.
        let sorted = living.sorted {
          ($0.isReady ? 0 : 1, $0.metadata["creationTimestamp"].string ?? "", $0.name)
            < ($1.isReady ? 0 : 1, $1.metadata["creationTimestamp"].string ?? "", $1.name)
        }
        let isNew = { (pod: KubernetesObject) in pod.labels[TemplateRevisions.hashLabel] == hash }
        if surges {
          delete += sorted.filter(isNew).dropFirst() + sorted.filter { !isNew($0) }.dropFirst()
        } else {
          delete += sorted.dropFirst()
        }
      }
    }
    for (node, here) in byNode where !names.contains(node) { delete += here.filter { !$0.isTerminating } }
  }

  /// How many nodes may have a second pod during an update.
  private static func surge(_ set: KubernetesObject, of nodes: Int) -> Int {
    RollingUpdate.scaled(
      set.spec["updateStrategy", "rollingUpdate", "maxSurge"], of: nodes, roundsUp: true, default: "0")
  }

  /// The next step of a rolling update: pods of another revision that may go now, and nodes that get a new pod beside the
  /// old one.
  ///
  /// With `maxSurge` an old pod goes once the new one on its node is available. Without, pods that serve nobody go at once,
  /// others while no more than `maxUnavailable` nodes are without an available pod.
  func update(_ set: KubernetesObject, hash: String, now: Timestamp) -> (delete: [KubernetesObject], create: [String]) {
    let minReadySeconds = set.spec["minReadySeconds"].int ?? 0
    let isAvailable = { (pod: KubernetesObject) in pod.isAvailable(minReadySeconds: minReadySeconds, now: now) }
    let surge = Self.surge(set, of: eligible.count)
    // Both may not be 0: one node at a time then.
    let allowed = RollingUpdate.scaled(
      set.spec["updateStrategy", "rollingUpdate", "maxUnavailable"], of: eligible.count, roundsUp: true, default: "1")
    var unavailable = 0
    var candidates: [KubernetesObject] = []
    var delete: [KubernetesObject] = []
    var create: [String] = []
    var waiting: [String] = []
    var surging = 0
    for node in eligible.sorted() {
      let living = (byNode[node] ?? []).filter(\.isActive)
      let old = living.first { $0.labels[TemplateRevisions.hashLabel] != hash }
      let new = living.first { $0.labels[TemplateRevisions.hashLabel] == hash }
      if !living.contains(where: isAvailable) { unavailable += 1 }
      guard let old else { continue }
      if let new {
        if isAvailable(new) { delete.append(old) } else { surging += 1 }
      } else if !isAvailable(old) {
        if surge > 0 { create.append(node) } else { delete.append(old) }
      } else if surge > 0 {
        waiting.append(node)
      } else {
        candidates.append(old)
      }
    }
    create += waiting.prefix(max(0, surge - surging - create.count))
    delete += candidates.prefix(max(0, max(1, allowed) - unavailable))
    return (delete, create)
  }
}
