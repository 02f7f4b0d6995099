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
    // What is there before the caches are in step needs nobody told: every Service is looked at then.
    context.pods.observe { [self] old, new in
      guard context.services.hasSynced, context.pods.hasSynced else { return }
      if let old, let new, !Self.isDifferent(old, new) { return }
      guard let namespace = (new ?? old)?.namespace else { return }
      tell(services(namespace, new?.labels ?? [:]).union(services(namespace, old?.labels ?? [:])))
    }
    context.nodes.observe { [self] old, new in
      guard context.nodes.hasSynced, let node = new ?? old else { return }
      // A node that comes or goes brings and takes its pods' endpoints; its zone stands in them.
      if let old, let new, old.labels[ServiceEndpoints.zoneLabel] == new.labels[ServiceEndpoints.zoneLabel] { return }
      let pods = context.pods.list(ControllerContext.Index.node, node.name)
      tell(pods.reduce(into: []) { $0.formUnion(services($1.namespace, $1.labels)) })
    }
  }

  /// The Services that select pods with these labels. Each is found under one label of its selector.
  private func services(_ namespace: String, _ labels: [String: String]) -> Set<NamespacedKey> {
    var keys: Set<NamespacedKey> = []
    for (key, value) in labels {
      let index = ControllerContext.labelIndex(namespace, key, value)
      for service in context.services.list(ControllerContext.Index.label, index)
      where service.serviceSelector?.matches(labels) ?? false {
        keys.insert(service.key)
      }
    }
    return keys
  }

  private func tell(_ keys: Set<NamespacedKey>) {
    guard !keys.isEmpty else { return }
    for listener in listeners.withLock({ $0 }) { keys.forEach(listener) }
  }

  static func isDifferent(_ old: KubernetesObject, _ new: KubernetesObject) -> Bool {
    old.uid != new.uid || old.labels != new.labels || old.status["podIPs"] != new.status["podIPs"]
      || old.status["podIP"] != new.status["podIP"] || old.isReady != new.isReady
      || old.isTerminating != new.isTerminating || old.isTerminal != new.isTerminal
      || old.spec["nodeName"] != new.spec["nodeName"] || old.spec["hostname"] != new.spec["hostname"]
  }
}
