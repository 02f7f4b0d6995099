package import Kubernetes
internal import Linux
internal import Synchronization

/// Some controllers over the caches that these need and no others, so that an account with few rights can run them. Made
/// and started when its process becomes the leader, stopped when it no longer is.
package final class RemoteControllers: Sendable {
  private let context: ControllerContext
  private let caches: [ObjectCache]
  private let controllers: [any Controller]
  private let log: @Sendable (String) -> Void
  private let threads = Mutex<[Linux.Thread]>([])
  private let isStopped = Mutex(false)

  package init(_ transport: any APITransport, _ names: Set<RemoteController>, _ options: ControllerOptions) {
    let client = APIClient(transport, fieldManager: "swiftlet-controllers")
    let context = ControllerContext(
      client: client, events: EventRecorder(client, component: "swiftlet-controllers"))
    var controllers: [any Controller] = []
    var caches: [ObjectCache] = []
    if names.contains(.nodeRanges) {
      controllers.append(
        NodeRangeController(context, ranges: options.podRanges, occupied: options.occupiedRanges))
      caches.append(context.nodes)
    }
    if names.contains(.loadBalancers) {
      controllers.append(
        LoadBalancerController(
          context, servesDefaultClass: options.servesDefaultLoadBalancerClass,
          clusterRanges: options.podRanges.map(\.clusterRange) + options.occupiedRanges))
      caches += [context.services, context.namespaces, context.loadBalancerPools]
    }
    self.context = context
    self.controllers = controllers
    self.caches = caches
    log = options.log
    for controller in controllers { controller.observe() }
  }

  /// Returns at once. Call it once.
  package func start() {
    var options = Informer.Options()
    options.onError = { [log] error in
      if (error as? TransportError)?.reason != .cancelled { log("controllers: \(error)") }
    }
    for cache in caches { cache.start(context.client, options: options) }
    let starter = Thread("controllers") { [self] in
      for cache in caches {
        while !isStopped.withLock({ $0 }), !cache.waitUntilSynced(timeout: 1) {}
      }
      for controller in controllers where !isStopped.withLock({ $0 }) {
        let thread = Thread(controller.name) { [log] in controller.run(log: log) }
        threads.withLock { $0.append(thread) }
      }
    }
    threads.withLock { $0.append(starter) }
  }

  /// Every cache is complete.
  package var hasSynced: Bool { caches.allSatisfy(\.hasSynced) }

  /// Ends every controller after the object it works on, and waits for that.
  package func stop() {
    isStopped.withLock { $0 = true }
    for cache in caches { cache.stop() }
    for controller in controllers { controller.stop() }
    while let thread = threads.withLock({ $0.popLast() }) { thread.join() }
    for cache in caches { cache.waitUntilEnded() }
    context.events.stop()
  }
}
