internal import JSON
internal import Kubernetes

extension ControllerContext {
  /// The selector of a workload; nil, with an Event, where it does not select the pods of its own template: such a workload
  /// would make pods for ever. API servers refuse it, but what is stored may be older than their rules.
  func selector(of owner: KubernetesObject) -> LabelSelector? {
    if let selector = owner.labelSelector, selector.matches(owner.spec["template", "metadata", "labels"]) {
      return selector
    }
    events.record(
      owner, .warning, reason: "SelectorMismatch",
      message: "spec.selector does not match spec.template.metadata.labels: no pods are made. Correct the selector.")
    return nil
  }

  /// The objects an owner controls: its own that its selector still matches, and orphans it adopts. Its own that no longer
  /// match are released. `owner` must be of type `ownerType`.
  func claim(
    _ type: ResourceType, _ candidates: [KubernetesObject], owner: KubernetesObject, _ ownerType: ResourceType,
    selector: LabelSelector
  ) throws -> [KubernetesObject] {
    var claimed: [KubernetesObject] = []
    var isOwnerAlive: Bool?
    for object in candidates {
      let matches = selector.matches(object.labels)
      if let controller = object.controller {
        guard controller.uid == owner.uid else { continue }
        if matches {
          claimed.append(object)
        } else if !owner.isTerminating {
          try setOwners(type, object, object.ownerReferences.filter { $0.uid != owner.uid })
        }
        continue
      }
      guard matches, !owner.isTerminating, !object.isTerminating else { continue }
      if isOwnerAlive == nil {
        // The cache may be behind: an owner that is gone or ending must not adopt.
        let fresh = try client.find(ownerType, namespace: owner.namespace, name: owner.name)
        isOwnerAlive = fresh.map { $0.uid == owner.uid && !$0.isTerminating } ?? false
      }
      guard isOwnerAlive == true else { continue }
      claimed.append(try setOwners(type, object, object.ownerReferences + [OwnerReference(controller: owner)]))
    }
    return claimed
  }

  /// Refused with a conflict if the object changed since it was read.
  @discardableResult
  func setOwners(_ type: ResourceType, _ object: KubernetesObject, _ owners: [OwnerReference]) throws
    -> KubernetesObject
  {
    try client.patch(
      type, namespace: object.namespace, name: object.name, .merge,
      [
        "metadata": [
          "uid": .string(object.uid), "resourceVersion": .string(object.resourceVersion),
          "ownerReferences": .array(owners.map(\.json)),
        ]
      ])
  }

  /// Writes a status if it differs from what the object has.
  func updateStatus(_ type: ResourceType, _ object: KubernetesObject, _ status: JSON) throws {
    guard object.status != status else { return }
    var object = object
    object.status = status
    try client.updateStatus(type, object)
  }
}
