internal import JSON
internal import Kubernetes
internal import Linux

extension ControllerContext {
  /// The selector of a workload; nil, with an Event, where it does not select the pods of its own template: such a workload
  /// would make pods for ever. API servers refuse it, but what is stored may be older than their rules.
  func selector(of owner: KubernetesObject) -> LabelRequirements? {
    let selector = LabelRequirements(owner.spec["selector"])
    if selector.matches(owner.spec["template", "metadata", "labels"].stringMap) { return selector }
    events.record(
      owner, .warning, reason: "SelectorMismatch",
      message: "spec.selector does not match spec.template.metadata.labels: no pods are made. Correct the selector.")
    return nil
  }

  /// The objects an owner controls: its own that its selector still matches, and orphans it adopts. Its own that no longer
  /// match are released. `owner` must be of type `ownerType`.
  func claim(
    _ type: ResourceType, _ candidates: [KubernetesObject], owner: KubernetesObject, _ ownerType: ResourceType,
    selector: LabelRequirements
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

  /// Puts the controlling owner of a changed object into a queue, and every owner in the namespace whose selector matches
  /// an orphan.
  func enqueueOwner(
    of old: KubernetesObject?, _ new: KubernetesObject?, kind: String, owners: ObjectCache,
    _ queue: WorkQueue<NamespacedKey>
  ) {
    if let controller = old?.controller, controller.kind == kind, controller.uid != new?.controller?.uid,
      let namespace = old?.namespace
    {
      queue.add(NamespacedKey(namespace, controller.name))
    }
    guard let object = new ?? old else { return }
    if let controller = object.controller {
      if controller.kind == kind { queue.add(NamespacedKey(object.namespace, controller.name)) }
    } else if new != nil, !object.isTerminating {
      for owner in owners.list(namespace: object.namespace)
      where LabelRequirements(owner.spec["selector"]).matches(object.labels) {
        queue.add(owner.key)
      }
    }
  }

  /// Writes a status if it differs from what the object has.
  func updateStatus(_ type: ResourceType, _ object: KubernetesObject, _ status: JSON) throws {
    guard object.status != status else { return }
    var object = object
    object.status = status
    try client.updateStatus(type, object)
  }
}
