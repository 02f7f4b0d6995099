internal import JSON
internal import Kubernetes
internal import Synchronization

/// Finds the Services a changed pod concerns, without asking every Service for every pod: only changes that an endpoint
/// shows count, and only the Services of the pod's namespace are asked.
final class ServiceSelectors: Sendable {
  private let context: ControllerContext
  private let listeners = Mutex<[@Sendable (NamespacedKey) -> Void]>([])

  init(_ context: ControllerContext) { self.context = context }

  /// Adds someone who is told the Services whose endpoints may have changed. Before the caches start.
  func observe(_ listener: @escaping @Sendable (NamespacedKey) -> Void) { listeners.withLock { $0.append(listener) } }

  func start() {
    context.pods.observe { [self] old, new in
      if let old, let new, !Self.isDifferent(old, new) { return }
      guard let namespace = (new ?? old)?.namespace else { return }
      var keys: [NamespacedKey] = []
      for service in context.services.list(namespace: namespace) {
        guard let selector = service.serviceSelector else { continue }
        if selector.matches(new?.labels ?? [:]) || selector.matches(old?.labels ?? [:]) { keys.append(service.key) }
      }
      for listener in listeners.withLock({ $0 }) { keys.forEach(listener) }
    }
    context.nodes.observe { [self] old, new in
      let zone = "topology.kubernetes.io/zone"
      guard let node = new, let old, old.labels[zone] != node.labels[zone] else { return }
      let namespaces = Set(context.pods.list(ControllerContext.Index.node, node.name).map(\.namespace))
      for namespace in namespaces {
        for service in context.services.list(namespace: namespace) {
          for listener in listeners.withLock({ $0 }) { listener(service.key) }
        }
      }
    }
  }

  static func isDifferent(_ old: KubernetesObject, _ new: KubernetesObject) -> Bool {
    old.uid != new.uid || old.labels != new.labels || old.status["podIPs"] != new.status["podIPs"]
      || old.status["podIP"] != new.status["podIP"] || old.isReady != new.isReady
      || old.isTerminating != new.isTerminating || old.isTerminal != new.isTerminal
      || old.spec["nodeName"] != new.spec["nodeName"] || old.spec["hostname"] != new.spec["hostname"]
  }
}
