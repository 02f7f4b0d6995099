internal import JSON
internal import Kubernetes

/// The taints that stand for a node's conditions, in place of those of its kubelet's. Pure.
enum NodeTaints {
  static let unreachable = "node.kubernetes.io/unreachable"
  static let notReady = "node.kubernetes.io/not-ready"

  /// Conditions that are troubles, with their taints of effect NoSchedule.
  private static let troubles = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"), ("DiskPressure", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
  ]
  private static let unschedulable = "node.kubernetes.io/unschedulable"
  private static let ours = Set([unreachable, notReady, unschedulable] + troubles.map(\.1))

  private struct Kind: Hashable {
    var key: String
    var effect: String
  }

  /// Pods are being driven from the node because it is not ready.
  static func evicts(_ node: KubernetesObject) -> Bool {
    node.spec["taints"].elements.contains {
      [unreachable, notReady].contains($0["key"].string ?? "") && $0["effect"].string == "NoExecute"
    }
  }

  /// `spec.taints` as they should be; what others set is left alone.
  ///
  /// - Parameters:
  ///   - status: of the Ready condition.
  ///   - evicts: whether pods may be driven from the node now (`NodeEvictionPace`).
  static func wanted(_ node: KubernetesObject, status: String, evicts: Bool, now: Timestamp) -> [JSON] {
    var wanted: [Kind] = []
    if status != "True" {
      let key = status == "False" ? notReady : unreachable
      wanted.append(Kind(key: key, effect: "NoSchedule"))
      if evicts { wanted.append(Kind(key: key, effect: "NoExecute")) }
    }
    if node.spec["unschedulable"].bool ?? false { wanted.append(Kind(key: unschedulable, effect: "NoSchedule")) }
    for (condition, key) in troubles where node.isTrue(condition) {
      wanted.append(Kind(key: key, effect: "NoSchedule"))
    }
    var present: Set<Kind> = []
    var taints = node.spec["taints"].elements.filter { taint in
      let kind = Kind(key: taint["key"].string ?? "", effect: taint["effect"].string ?? "")
      present.insert(kind)
      return !ours.contains(kind.key) || wanted.contains(kind)
    }
    for kind in wanted where !present.contains(kind) {
      taints.append([
        "key": .string(kind.key), "effect": .string(kind.effect), "timeAdded": .string(now.description),
      ])
    }
    return taints
  }
}
