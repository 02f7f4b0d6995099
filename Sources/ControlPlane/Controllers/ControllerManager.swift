package import Kubernetes
internal import Linux
internal import Synchronization

/// Starts all controllers over one shared set of informers, and stops them. It speaks to an API server through nothing
/// but the transport, so it works on an embedded server and on a remote one.
package final class ControllerManager: Sendable {
  private let options: ControllerOptions
  private let context: ControllerContext
  private let controllers: [any Controller]
  private let threads = Mutex<[Linux.Thread]>([])
  private let isStopped = Mutex(false)

  package init(_ transport: any APITransport, _ options: ControllerOptions = ControllerOptions()) {
    self.options = options
    let client = APIClient(transport, fieldManager: "swiftlet-controllers")
    context = ControllerContext(client: client, events: EventRecorder(client, component: "swiftlet-controllers"))
    let selectors = ServiceSelectors(context)
    var controllers: [any Controller] = [
      NamespaceDefaultsController(context, rootCertificate: options.rootCertificate),
      NamespaceController(context), DeploymentController(context), ReplicaSetController(context),
      StatefulSetController(context), DaemonSetController(context), JobController(context),
      JobPodReleaser(context),
      EndpointSliceController(context, selectors: selectors), EndpointSliceMirroringController(context),
      EndpointsController(context, selectors: selectors),
      GarbageCollector(context), PodCollector(context), IngressStatusController(context),
      NodeLifecycleController(context, gracePeriod: options.nodeGracePeriod, rates: options.evictionRates),
      TaintEvictionController(context),
    ]
    if !options.podRanges.isEmpty {
      controllers.append(
        NodeRangeController(
          context, ranges: options.podRanges, occupied: options.occupiedRanges,
          followsServiceRanges: !options.serviceRanges.isEmpty))
    }
    if !options.serviceRanges.isEmpty {
      controllers.append(ServiceRangeController(context, defaults: options.serviceRanges))
      controllers.append(ServiceAddressRepair(context, nodePorts: options.nodePorts))
    }
    if options.givesLoadBalancerAddresses {
      let clusterRanges = options.podRanges.map(\.clusterRange) + options.occupiedRanges + options.serviceRanges
      controllers.append(
        LoadBalancerController(
          context, servesDefaultClass: options.servesDefaultLoadBalancerClass, clusterRanges: clusterRanges))
    }
    if options.runsScheduler { controllers.append(Scheduler(context)) }
    self.controllers = controllers
    selectors.start()
    for controller in controllers { controller.observe() }
  }

  /// What is watched.
  private var caches: [ObjectCache] {
    context.caches + (options.serviceRanges.isEmpty ? [] : [context.serviceRanges, context.serviceAddresses])
      + (options.givesLoadBalancerAddresses ? [context.loadBalancerPools] : [])
  }

  /// Starts the informers, and each controller once everything is known. Returns at once. Call it once.
  package func start() {
    var informerOptions = Informer.Options()
    informerOptions.onError = { [log = options.log] error in
      if (error as? TransportError)?.reason != .cancelled { log("controllers: \(error)") }
    }
    for cache in caches { cache.start(context.client, options: informerOptions) }
    let starter = Thread("controllers") { [self] in
      for cache in caches {
        while !isStopped.withLock({ $0 }), !cache.waitUntilSynced(timeout: 1) {}
      }
      for controller in controllers where !isStopped.withLock({ $0 }) {
        let thread = Thread(controller.name) { [log = options.log] in controller.run(log: log) }
        threads.withLock { $0.append(thread) }
      }
    }
    threads.withLock { $0.append(starter) }
  }

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
