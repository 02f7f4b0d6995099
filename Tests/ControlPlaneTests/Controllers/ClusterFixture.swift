import Addressing
import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@testable import ControlPlane

/// An API server in memory of a temporary file, all controllers, and a stand-in for nodes: it gives every pod that is bound
/// an address and makes it ready, and lets pods go that are ending.
final class ClusterFixture: Sendable {
  let client: APIClient
  let server: APIServer
  private let manager: Mutex<ControllerManager>
  private let options: ControllerOptions
  private let pods = ObjectCache(.pods)
  private let path: String
  private let serial = Mutex(0)
  /// Pods whose name begins with one of these stay as they are.
  let held = Mutex<Set<String>>([])
  private let queue = KeyedQueue<Kubernetes.ObjectKey>()
  private let log = Mutex<[String]>([])

  init(nodes: [String] = ["n1", "n2", "n3"], options: ControllerOptions = ControllerOptions()) throws {
    path = "/tmp/swiftlet-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).db"
    server = try APIServer(
      APIServerConfiguration(databasePath: path, serviceRanges: [try Prefix(parsing: "10.96.0.0/16")]))
    client = APIClient(server.transport)
    var options = options
    if options.podRanges.isEmpty {
      options.podRanges = [ControllerOptions.PodRange(try Prefix(parsing: "10.244.0.0/16"))]
    }
    options.rootCertificate = "PEM"
    let lines = Mutex<[String]>([])
    options.log = { line in lines.withLock { $0.append(line) } }
    self.options = options
    let controllers = ControllerManager(server.transport, options)
    manager = Mutex(controllers)
    for node in nodes { try addNode(node) }
    controllers.start()
    pods.observe { [queue] _, new in if let new { queue.add(new.key) } }
    pods.start(client)
    _ = Thread("kubelets") { [self] in
      while let keys = queue.next() { for key in keys { try? live(key) } }
    }
  }

  /// Ends the controllers and starts others, as another process would; what happens `meanwhile` no controller sees happen.
  func restartControllers(meanwhile: () throws -> Void = {}) rethrows {
    try manager.withLock { manager in
      manager.stop()
      try meanwhile()
      manager = ControllerManager(server.transport, options)
      manager.start()
    }
  }

  func stop() {
    manager.withLock { $0.stop() }
    pods.stop()
    queue.close()
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
  }

  func addNode(_ name: String) throws {
    var node = KubernetesObject(.nodes, name: name)
    node.status["conditions"] = [["type": "Ready", "status": "True"]]
    try client.create(.nodes, node)
    // A patch: the controllers write to the node at the same time.
    try client.patch(
      .nodes, name: name, .merge, ["status": ["conditions": [["type": "Ready", "status": "True"]]]],
      subresource: "status")
  }

  private func live(_ key: Kubernetes.ObjectKey) throws {
    guard let pod = try client.find(.pods, namespace: key.namespace, name: key.name), pod.nodeName != nil else {
      return
    }
    if pod.isTerminating {
      try client.delete(.pods, namespace: key.namespace, name: key.name, .init(gracePeriodSeconds: 0))
      return
    }
    guard pod.phase == "Pending", !held.withLock({ $0.contains { key.name.hasPrefix($0) } }) else { return }
    let number = serial.withLock { serial in
      serial += 1
      return serial
    }
    var changed = pod
    let address = "10.244.\(number / 250).\(number % 250 + 1)"
    changed.status["phase"] = "Running"
    changed.status["podIP"] = .string(address)
    changed.status["podIPs"] = [["ip": .string(address)]]
    var conditions = Conditions(pod.status["conditions"])
    conditions.set("Ready", "True", reason: "Started", message: "", now: .now())
    changed.status["conditions"] = conditions.json
    try client.updateStatus(.pods, changed)
  }

  func setReady(_ pod: KubernetesObject, _ isReady: Bool) throws {
    var changed = try client.get(.pods, namespace: pod.namespace, name: pod.name)
    var conditions = Conditions(changed.status["conditions"])
    conditions.set("Ready", isReady ? "True" : "False", reason: "Test", message: "", now: .now())
    changed.status["conditions"] = conditions.json
    changed.json["metadata", "resourceVersion"] = .null  // whoever else writes: this counts
    try client.updateStatus(.pods, changed)
  }

  /// What the whole cluster holds but events: it must stop changing when there is nothing to do.
  func versions() throws -> [String] {
    try ResourceType.known.filter { $0 != .events }.flatMap { type in
      do {
        return try client.list(type).items.map { "\(type) \($0.key) \($0.resourceVersion)" }.sorted()
      } catch let status as APIStatus where status.isNotFound {
        return []
      }
    }
  }

  /// Lets held pods live on.
  func release() {
    held.withLock { $0 = [] }
    queue.add(pods.all.map(\.key))
  }

  func list(_ type: ResourceType, _ labels: String = "", namespace: String = "default") throws -> [KubernetesObject] {
    try client.list(type, ListOptions(namespace: namespace, labelSelector: labels)).items
  }

  /// Waits until something holds; the bound only keeps a failing test from waiting for ever.
  func eventually(
    _ what: String, _ holds: () throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) rethrows {
    for _ in 0..<600 {
      if try holds() { return }
      usleep(50_000)
    }
    Issue.record("never: \(what)", sourceLocation: sourceLocation)
  }

  func apply(_ yaml: String) throws {
    for document in try YAML.parse(yaml, file: "test") {
      var object = KubernetesObject(document.value)
      let type = try #require(ResourceType.known.first { $0.kind == object.kind && $0.apiVersion == object.apiVersion })
      if type.isNamespaced, object.namespace.isEmpty { object.namespace = "default" }
      try client.create(type, object)
    }
  }
}
