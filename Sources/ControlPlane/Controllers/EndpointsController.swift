internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Keeps the Endpoints object of Services with a selector, for clients that know no slices. Keys are Services.
final class EndpointsController: Controller {
  private static let truncated = "endpoints.kubernetes.io/over-capacity"

  let name = "endpoints"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let selectors: ServiceSelectors
  private let triggers = ChangeTriggerTimes()
  /// Services that have gone and whose Endpoints have not yet.
  private let departed = Mutex<Set<NamespacedKey>>([])

  init(_ context: ControllerContext, selectors: ServiceSelectors) {
    self.context = context
    self.selectors = selectors
  }

  func observe() {
    context.services.observe { [weak self] old, new in
      guard let self, let key = (new ?? old)?.key else { return }
      departed.withLock { if new == nil { $0.insert(key) } else { $0.remove(key) } }
      queue.add(key)
    }
    // Someone else's edit is put right.
    queue.follow(context.endpoints)
    selectors.observe { [queue] in queue.add($0) }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let service = context.services.get(key) else { return try withdraw(key) }
    guard !service.isTerminating, service.spec["type"].string != "ExternalName",
      service.serviceSelector != nil
    else { return }
    let pods = context.pods(of: service)
    let subsets = EndpointSubsets(service, pods)
    let existing = context.endpoints.get(key)
    var wanted = existing ?? KubernetesObject(.endpoints, namespace: key.namespace, name: key.name)
    wanted.json["subsets"] = subsets.json
    wanted.labels = service.labels
    wanted.labels["service.kubernetes.io/headless"] = ServiceEndpoints(service: service).isHeadless ? "" : nil
    // Slices are made from the pods, not mirrored from here.
    wanted.labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller"
    wanted.annotations[Self.truncated] = subsets.isTruncated ? "truncated" : nil
    if wanted == existing { return }
    wanted.annotations[ChangeTriggerTimes.annotation] = triggers.next(service, pods)?.description
    if existing == nil {
      try context.client.create(.endpoints, wanted)
    } else {
      try context.client.update(.endpoints, wanted)
    }
  }

  /// Endpoints carry no owner reference: they go with the Service, whoever wrote them. Those that never had one stay:
  /// locks of old leader elections, and what a user writes before the Service.
  private func withdraw(_ key: NamespacedKey) throws {
    triggers.forget(key)
    if let endpoints = context.endpoints.get(key), !endpoints.isTerminating,
      endpoints.annotations["control-plane.alpha.kubernetes.io/leader"] == nil,
      departed.withLock({ $0.contains(key) })
        || endpoints.labels["endpoints.kubernetes.io/managed-by"] == "endpoint-controller"
    {
      try context.client.delete(.endpoints, namespace: key.namespace, name: key.name, .init(uid: endpoints.uid))
    }
    departed.withLock { _ = $0.remove(key) }
  }
}
