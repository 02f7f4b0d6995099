internal import Kubernetes
internal import Linux

extension WorkQueue where Key == NamespacedKey {
  /// Adds every object of a cache that appears, changes or goes.
  func follow(_ cache: ObjectCache) {
    cache.observe { [self] old, new in if let object = new ?? old { add(object.key) } }
  }

  /// Adds the controlling owner, of one kind, of every changed object in a cache, and every owner in its namespace whose
  /// selector matches an orphan.
  func followOwners(of children: ObjectCache, kind: String, in owners: ObjectCache) {
    children.observe { [self] old, new in
      if let controller = old?.controller, controller.kind == kind, controller.uid != new?.controller?.uid,
        let namespace = old?.namespace
      {
        add(NamespacedKey(namespace, controller.name))
      }
      guard let object = new ?? old else { return }
      if let controller = object.controller {
        if controller.kind == kind { add(NamespacedKey(object.namespace, controller.name)) }
      } else if new != nil, !object.isTerminating {
        for owner in owners.list(namespace: object.namespace)
        where owner.labelSelector?.matches(object.labels) ?? false {
          add(owner.key)
        }
      }
    }
  }
}
