internal import JSON
internal import Kubernetes
internal import Linux

/// Removes pods nobody will end any more: on nodes that are gone, and ending ones that never got a node. Keys are pods.
final class PodCollector: Controller {
  let name = "pod garbage"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    context.nodes.observe { [context, queue] old, new in
      guard new == nil, let old else { return }
      for pod in context.pods.list(ControllerContext.Index.node, old.name) { queue.add(pod.key) }
    }
    context.pods.observe { [context, queue] _, new in
      guard let new else { return }
      if let node = new.nodeName {
        // A node that is not known yet may be coming: look again when it should be there.
        if context.nodes.get("", node) == nil { queue.add(new.key, after: 5) }
      } else if new.isTerminating {
        queue.add(new.key)
      }
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let pod = context.pods.get(key) else { return }
    if let node = pod.nodeName {
      guard context.nodes.get("", node) == nil, try context.client.find(.nodes, name: node) == nil else { return }
    } else if !pod.isTerminating {
      return
    }
    try context.client.delete(
      .pods, namespace: pod.namespace, name: pod.name, .init(gracePeriodSeconds: 0, uid: pod.uid))
  }
}
