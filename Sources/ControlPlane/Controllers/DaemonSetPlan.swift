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

  init(_ set: KubernetesObject, nodes: [KubernetesObject], pods: [KubernetesObject]) {
    let spec = set.spec["template", "spec"]
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
        delete += sorted.dropFirst()
      }
    }
    for (node, here) in byNode where !names.contains(node) { delete += here.filter { !$0.isTerminating } }
  }

  /// Pods of another revision that may go now: those that serve nobody at once, others while no more than
  /// `maxUnavailable` nodes are without an available pod.
  func outdated(
    _ set: KubernetesObject, hash: String, now: Timestamp
  ) -> [KubernetesObject] {
    let minReadySeconds = set.spec["minReadySeconds"].int ?? 0
    let allowed = max(
      1,
      RollingUpdate.scaled(
        set.spec["updateStrategy", "rollingUpdate", "maxUnavailable"], of: eligible.count, roundsUp: true, default: "1")
    )
    var unavailable = 0
    var available: [KubernetesObject] = []
    var outdated: [KubernetesObject] = []
    for node in eligible.sorted() {
      let living = (byNode[node] ?? []).filter(\.isActive)
      guard let pod = living.first else {
        unavailable += 1
        continue
      }
      let isAvailable = pod.isAvailable(minReadySeconds: minReadySeconds, now: now)
      if !isAvailable { unavailable += 1 }
      guard pod.labels[TemplateRevisions.hashLabel] != hash else { continue }
      if isAvailable { available.append(pod) } else { outdated.append(pod) }
    }
    return outdated + available.prefix(max(0, allowed - unavailable))
  }
}
