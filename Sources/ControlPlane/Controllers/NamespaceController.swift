internal import JSON
internal import Kubernetes
internal import Linux

/// Empties a namespace that is being deleted, of every kind the server serves, then lets it go. Keys are namespaces.
final class NamespaceController: Controller {
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
    let content = try delete(in: key.name)
    try describe(namespace, content)
    guard content.isEmpty else {
      // Kinds without a cache send no event when their last object goes.
      return queue.add(key, after: 1)
    }
    var finalized = namespace
    finalized.json["metadata", "resourceVersion"] = .null  // its status was just written
    finalized.spec["finalizers"] = .array(
      namespace.spec["finalizers"].elements.filter { $0 != "kubernetes" })
    do {
      try context.client.update(.namespaces, finalized, subresource: "finalize")
    } catch let status as APIStatus where status.isNotFound {
      return
    }
  }

  /// Deletes all there is and answers what is still there.
  private func delete(in namespace: String) throws -> NamespaceContent {
    var content = NamespaceContent()
    let resources = try ServerResources(context.client)
    content.undiscovered = resources.failures
    for type in resources.namespaced {
      do {
        let objects = try context.client.list(type, ListOptions(namespace: namespace)).items
        for object in objects where !object.isTerminating {
          try context.client.delete(
            type, namespace: namespace, name: object.name, .init(propagation: .background, uid: object.uid))
        }
        guard !objects.isEmpty else { continue }
        content.count(type, try context.client.list(type, ListOptions(namespace: namespace)).items)
      } catch let status as APIStatus where status.isNotFound || status.code == 405 {
        continue  // the kind has gone, or its objects are not kept
      } catch let status as APIStatus where !status.isConflict {
        content.failures.append("\(type): \(status.message)")
      }
    }
    return content
  }

  private func describe(_ namespace: KubernetesObject, _ content: NamespaceContent) throws {
    var status: JSON = namespace.status.object == nil ? [:] : namespace.status
    status["conditions"] = content.conditions(status["conditions"], now: .now())
    do {
      try context.updateStatus(.namespaces, namespace, status)
    } catch let status as APIStatus where status.isNotFound || status.isConflict {
      return
    }
  }
}
