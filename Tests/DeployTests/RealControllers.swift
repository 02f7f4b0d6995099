import Kubernetes
import Linux
import Synchronization

@testable import ControlPlane

/// Controllers of `swiftlet server` on an API server that has no controller manager: workloads, endpoints, nodes and the
/// scheduler. Not those of kinds that Kubernetes 1.20 does not serve.
final class RealControllers: Sendable {
  private let transport: HTTPTransport
  private let controllers: [any Controller]
  private let caches: [ObjectCache]
  private let threads: [Linux.Thread]
  private let log = Lines()

  init(_ transport: HTTPTransport) {
    self.transport = transport
    let client = APIClient(transport, fieldManager: "swiftlet-controllers")
    let context = ControllerContext(client: client, events: EventRecorder(client, component: "swiftlet-controllers"))
    let selectors = ServiceSelectors(context)
    controllers = [
      DeploymentController(context), ReplicaSetController(context), StatefulSetController(context),
      DaemonSetController(context), EndpointSliceController(context, selectors: selectors),
      EndpointSliceMirroringController(context), EndpointsController(context, selectors: selectors),
      NodeLifecycleController(context, gracePeriod: 600), TaintEvictionController(context), PodCollector(context),
      Scheduler(context),
    ]
    selectors.start()
    for controller in controllers { controller.observe() }
    caches = context.caches.filter {
      !["cronjobs", "poddisruptionbudgets", "horizontalpodautoscalers"].contains($0.type.plural)
    }
    let lines = log
    var options = Informer.Options()
    options.onError = { error in lines.add("\(error)") }
    for cache in caches { cache.start(client, options: options) }
    for cache in caches { cache.waitUntilSynced(timeout: 60) }
    threads = controllers.map { controller in
      Thread(controller.name) { controller.run { lines.add($0) } }
    }
  }

  func stop() {
    for cache in caches { cache.stop() }
    for controller in controllers { controller.stop() }
    for thread in threads { thread.join() }
    transport.close()
  }

  var lines: String { log.text }

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var text: String { lines.withLock { $0.suffix(20).joined(separator: "\n") } }
  }
}
