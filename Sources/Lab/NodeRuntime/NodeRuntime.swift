internal import Glibc
internal import JSON
package import Kubernetes
package import Linux
internal import Synchronization

/// The part of a kubelet that the lab needs: it registers the node, turns the pods bound to it into a sandbox with
/// stand-ins or host commands, asks their probes and reports what became of them. `ContainerKind` holds the rule which
/// container is what.
///
/// It runs in a process of its own inside the node's network namespace. It may be killed and started again at any moment:
/// pods go on undisturbed, and the next runtime goes on with them.
package final class NodeRuntime: Sendable {
  /// Pods that are worked on at the same time.
  private static let workers = 4
  private static let logInterval = 10.0

  private let configuration: NodeRuntimeConfiguration
  private let services: NodeServices
  private let loop: EventLoop
  private let heartbeat: NodeHeartbeat
  private let pods = Mutex<[String: PodLifecycle]>([:])
  private let informer = Mutex<Informer?>(nil)
  private let threads = Mutex<[Thread]>([])
  /// Nil where the node serves no streams.
  private let server: NodeServer?

  /// Nothing happens before `start`.
  package init(_ configuration: NodeRuntimeConfiguration, client: APIClient) throws(SystemError) {
    self.configuration = configuration
    try Files.makeDirectories("\(configuration.stateDirectory)/pods")
    loop = try EventLoop()
    let node = NodeObject(
      name: configuration.nodeName, addresses: configuration.nodeAddresses,
      isControlPlane: configuration.isControlPlane, machine: .current(),
      streamPort: configuration.streams?.port)
    server = try configuration.streams.map { streams throws(SystemError) in
      try NodeServer(streams, configuration)
    }
    services = NodeServices(
      configuration, client,
      events: EventRecorder(
        client, component: "kubelet", host: configuration.nodeName, onError: configuration.log),
      watcher: ProcessWatcher(loop), probes: ProbeRunner(loop, namespace: configuration.namespace),
      hooks: HookRunner(loop, namespace: configuration.namespace), logClock: try LogClock(loop),
      queue: WorkQueue(), allocatable: node.resources)
    heartbeat = NodeHeartbeat(configuration, client, node)
  }

  /// Goes on with the pods an earlier runtime left, then follows the API. Returns at once.
  package func start() {
    for directory in PodDirectory.all(stateDirectory: configuration.stateDirectory) {
      do {
        guard let record = try directory.load() else { continue }
        let pod = PodLifecycle(record, services)
        pods.withLock { $0[pod.uid] = pod }
        services.queue.add(pod.uid)
      } catch {
        configuration.log("\(directory.path) cannot be read, its pod is left alone: \(error)")
      }
    }
    loop.schedule(after: Self.logInterval, every: Self.logInterval) { [configuration] in
      LogKeeper(stateDirectory: configuration.stateDirectory, maximumSize: configuration.maximumLogSize).cut()
    }
    var threads = [heartbeat.start()]
    threads.append(
      Thread("node-events") { [self] in
        do { try loop.run() } catch { fatalError("the node's event loop ended: \(error)") }
      })
    for index in 0..<Self.workers { threads.append(Thread("pods-\(index)") { [self] in work() }) }
    self.threads.withLock { $0 = threads }
    server?.start()
    follow()
  }

  /// Ends the runtime; pods go on, streams end. Waits for what is under way.
  package func stop() {
    server?.stop()
    informer.withLock { $0 }?.stop()
    informer.withLock { $0 }?.waitUntilEnded()
    services.queue.close()
    heartbeat.stop()
    services.events.stop()
    loop.stop()
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in threads { thread.join() }
    services.events.waitUntilEnded()
  }

  private func follow() {
    var options = Informer.Options()
    options.onError = { [configuration] in configuration.log("watching pods: \($0)") }
    let informer = Informer(
      services.client, .pods, ListOptions(fieldSelector: "spec.nodeName=\(configuration.nodeName)"), options: options,
      onReplace: { [unowned self] objects in replace(objects) },
      onEvent: { [unowned self] change, object in
        if change == .deleted { remove(object.uid) } else { put(object) }
      })
    self.informer.withLock { $0 = informer }
    informer.start()
  }

  private func replace(_ objects: [KubernetesObject]) {
    for object in objects { put(object) }
    // Deleted while nobody watched: they are ended now.
    let present = Set(objects.map(\.uid))
    for uid in pods.withLock({ Array($0.keys) }) where !present.contains(uid) { remove(uid) }
  }

  private func put(_ object: KubernetesObject) {
    let pod = pods.withLock { pods -> PodLifecycle? in
      if let pod = pods[object.uid] { return pod }
      // Ended here and given up: only somebody's finalizer holds the object.
      let isOver = ["Succeeded", "Failed"].contains(object.status["phase"].string)
      if object.isTerminating, isOver, object.metadata["deletionGracePeriodSeconds"].int == 0 { return nil }
      let pod = PodLifecycle(object.json, services)
      pods[object.uid] = pod
      return pod
    }
    pod?.send(.changed(object.json))
  }

  private func remove(_ uid: String) { pods.withLock { $0[uid] }?.send(.gone) }

  private func work() {
    while let uid = services.queue.next() {
      if let pod = pods.withLock({ $0[uid] }) {
        switch pod.step() {
        case .again(let pause?): services.queue.add(uid, after: pause)
        case .again(nil): break
        case .finished: pods.withLock { $0[uid] = nil }
        }
      }
      services.queue.done(uid)
    }
  }
}
