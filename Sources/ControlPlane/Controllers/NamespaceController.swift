internal import JSON
internal import Kubernetes
internal import Linux

/// Empties a namespace that is being deleted, then lets it go. Keys are namespaces.
final class NamespaceController: Controller {
  /// Deleted before everything else, so that nothing is made anew meanwhile; the rest follows in any order.
  private static let types = ResourceType.known.filter(\.isNamespaced)

  let name = "namespaces"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    context.namespaces.observe { [queue] _, new in if let new, new.isTerminating { queue.add(new.key) } }
    for cache in context.caches where cache.type.isNamespaced {
      cache.observe { [context, queue] old, new in
        guard new == nil, let namespace = old?.namespace,
          context.namespaces.get("", namespace)?.isTerminating ?? false
        else { return }
        queue.add(NamespacedKey("", namespace))
      }
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let namespace = try context.client.find(.namespaces, name: key.name), namespace.isTerminating else { return }
    guard namespace.spec["finalizers"].elements.contains("kubernetes") else { return }
    var left: [String] = []
    for type in Self.types {
      do {
        let objects = try context.client.list(type, ListOptions(namespace: key.name)).items
        for object in objects where !object.isTerminating {
          try context.client.delete(
            type, namespace: key.name, name: object.name, .init(propagation: .background, uid: object.uid))
        }
        if objects.contains(where: { $0.isTerminating }) || !objects.isEmpty {
          let rest = try context.client.list(type, ListOptions(namespace: key.name)).items
          if !rest.isEmpty { left.append("\(type) has \(rest.count) resource instances") }
        }
      } catch let status as APIStatus where status.isNotFound {
        continue  // the server does not know this kind
      }
    }
    if left.isEmpty {
      var finalized = namespace
      finalized.spec["finalizers"] = .array(
        namespace.spec["finalizers"].elements.filter { $0 != "kubernetes" })
      do {
        try context.client.update(.namespaces, finalized, subresource: "finalize")
      } catch let status as APIStatus where status.isNotFound {
        return
      }
    } else {
      try describe(namespace, left)
      // Kinds without a cache send no event when their last object goes.
      queue.add(key, after: 1)
    }
  }

  private func describe(_ namespace: KubernetesObject, _ left: [String]) throws {
    var conditions = Conditions(namespace.status["conditions"])
    conditions.set(
      "NamespaceContentRemaining", "True", reason: "SomeResourcesRemain",
      message: "Some resources are remaining: \(left.joined(separator: ", "))", now: .now())
    var status: JSON = namespace.status.object == nil ? [:] : namespace.status
    status["conditions"] = conditions.json
    do {
      try context.updateStatus(.namespaces, namespace, status)
    } catch let status as APIStatus where status.isNotFound || status.isConflict {
      return
    }
  }
}
