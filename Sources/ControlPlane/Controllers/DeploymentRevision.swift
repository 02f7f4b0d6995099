internal import JSON
internal import Kubernetes

/// Names in a Deployment's and its ReplicaSets' metadata that `kubectl rollout` reads.
enum DeploymentRevision {
  static let annotation = "deployment.kubernetes.io/revision"
  static let history = "deployment.kubernetes.io/revision-history"
  static let desired = "deployment.kubernetes.io/desired-replicas"
  static let maximum = "deployment.kubernetes.io/max-replicas"
  static let hashLabel = "pod-template-hash"

  private static let notCopied: Set<String> = [
    "kubectl.kubernetes.io/last-applied-configuration", annotation, history, desired, maximum,
    "deprecated.deployment.rollback.to",
  ]

  static func number(_ object: KubernetesObject) -> Int { Int(object.annotations[annotation] ?? "") ?? 0 }

  /// The Deployment's annotations that its new ReplicaSet takes over (such as `kubernetes.io/change-cause`).
  static func copied(_ deployment: KubernetesObject) -> [String: String] {
    deployment.annotations.filter { !notCopied.contains($0.key) }
  }

  /// Gives a ReplicaSet the revision `number`, remembering a former one.
  static func set(_ number: Int, on set: inout KubernetesObject) {
    let former = set.annotations[annotation]
    guard Self.number(set) < number else { return }
    set.annotations[annotation] = String(number)
    if let former {
      let earlier = set.annotations[history].map { $0 + "," } ?? ""
      set.annotations[history] = earlier + former
    }
  }

  /// The ReplicaSet whose template is the Deployment's; of several the oldest.
  static func newSet(of deployment: KubernetesObject, among sets: [KubernetesObject]) -> KubernetesObject? {
    let template = PodTemplate.withoutHash(deployment.spec["template"])
    return sets.sorted(by: isOlder).first { PodTemplate.withoutHash($0.spec["template"]) == template }
  }

  static func isOlder(_ left: KubernetesObject, _ right: KubernetesObject) -> Bool {
    let leftCreated = left.metadata["creationTimestamp"].string ?? ""
    let rightCreated = right.metadata["creationTimestamp"].string ?? ""
    return (leftCreated, left.name) < (rightCreated, right.name)
  }
}
