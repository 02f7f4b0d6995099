import JSON
import Kubernetes

/// Objects for tests of decisions.
enum Samples {
  static func node(_ name: String, labels: [String: String] = [:], taints: [JSON] = [], allocatable: JSON = [:])
    -> KubernetesObject
  {
    var node = KubernetesObject(.nodes, name: name)
    node.labels = labels
    if !taints.isEmpty { node.spec["taints"] = .array(taints) }
    node.status["allocatable"] = allocatable
    node.status["conditions"] = [["type": "Ready", "status": "True"]]
    return node
  }

  static func taint(_ key: String, _ effect: String, value: String = "") -> JSON {
    ["key": .string(key), "effect": .string(effect), "value": .string(value)]
  }

  static func pod(
    _ name: String, node: String? = nil, phase: String = "Running", ready: Bool = true, owner: String? = nil,
    terminating: Bool = false, labels: [String: String] = [:], spec: JSON = [:]
  ) -> KubernetesObject {
    var pod = KubernetesObject(.pods, namespace: "default", name: name)
    pod.json["metadata", "uid"] = .string("uid-\(name)")
    pod.labels = labels
    pod.spec = spec
    if let node { pod.spec["nodeName"] = .string(node) }
    pod.status["phase"] = .string(phase)
    pod.status["conditions"] = [
      ["type": "Ready", "status": .string(ready ? "True" : "False"), "lastTransitionTime": "2026-01-01T00:00:00Z"]
    ]
    if let owner {
      pod.ownerReferences = [
        OwnerReference(apiVersion: "apps/v1", kind: "ReplicaSet", name: owner, uid: owner, isController: true)
      ]
    }
    if terminating { pod.json["metadata", "deletionTimestamp"] = "2026-01-01T00:00:00Z" }
    return pod
  }
}
