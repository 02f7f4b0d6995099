internal import JSON
internal import Kubernetes
internal import Linux

/// Removes pods nobody will end any more: on nodes that are gone, ending ones that never got a node, and ending ones on a
/// node that is not ready and that an operator declared to be out of service. Keys are pods.
final class PodCollector: Controller {
  static let outOfService = "node.kubernetes.io/out-of-service"

  let name = "pod garbage"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    context.nodes.observe { [context, queue] old, new in
      guard let node = new ?? old, new == nil || Self.isOutOfService(node) else { return }
      for pod in context.pods.list(ControllerContext.Index.node, node.name) { queue.add(pod.key) }
    }
    context.pods.observe { [context, queue] _, new in
      guard let new else { return }
      if let node = new.nodeName {
        // A node that is not known yet may be coming: look again when it should be there.
        guard let object = context.nodes.get("", node) else { return queue.add(new.key, after: 5) }
        if new.isTerminating, Self.isOutOfService(object) { queue.add(new.key) }
      } else if new.isTerminating {
        queue.add(new.key)
      }
    }
  }

  private static func isOutOfService(_ node: KubernetesObject) -> Bool {
    !node.isTrue("Ready") && node.spec["taints"].elements.contains { $0["key"].string == outOfService }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let pod = context.pods.get(key) else { return }
    if let node = pod.nodeName {
      if let object = context.nodes.get("", node) {
        guard pod.isTerminating, Self.isOutOfService(object) else { return }
      } else if try context.client.find(.nodes, name: node) != nil {
        return
      }
    } else if !pod.isTerminating {
      return
    }
    if !pod.isTerminal { try fail(pod) }
    try context.client.delete(
      .pods, namespace: pod.namespace, name: pod.name, .init(gracePeriodSeconds: 0, uid: pod.uid))
  }

  /// Nobody else will say that the pod has ended, which a Job that holds it waits for.
  private func fail(_ pod: KubernetesObject) throws {
    var status: JSON = pod.status.object == nil ? [:] : pod.status
    status["phase"] = "Failed"
    var conditions = Conditions(status["conditions"])
    conditions.set(
      "DisruptionTarget", "True", reason: "DeletionByPodGC", message: "PodGC: the pod's node is gone or out of service",
      now: .now())
    status["conditions"] = conditions.json
    try context.updateStatus(.pods, pod, status)
  }
}
