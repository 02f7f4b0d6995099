internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Registers the node, keeps its status true and renews its Lease, on a thread of its own.
final class NodeHeartbeat: Sendable {
  /// Seconds after which an unchanged status is reported all the same, as kubelet does.
  static let statusInterval = 300.0
  /// Seconds between looks at the network while it is not ready, and afterwards.
  static let impatience = 0.5
  static let patience = 5.0

  private let configuration: NodeRuntimeConfiguration
  private let client: APIClient
  private let node: NodeObject
  private let stopped = Gate()

  init(_ configuration: NodeRuntimeConfiguration, _ client: APIClient, _ node: NodeObject) {
    self.configuration = configuration
    self.client = client
    self.node = node
  }

  func start() -> Thread { Thread("heartbeat") { self.run() } }
  func stop() { stopped.open() }

  private func run() {
    var lastReason: String?? = .none
    var nextStatus = 0.0
    var nextLease = 0.0
    var backoff = Backoff(first: 0.2, longest: 5)
    var pause = 0.0
    while !stopped.wait(timeout: pause) {
      do {
        let object = try register()
        let reason = notReady(object.json)
        let now = Time.monotonicSeconds
        // Whoever thought the node was lost hears at once that it is not.
        let isMistaken = object.condition("Ready")["status"].string != (reason == nil ? "True" : "False")
        if lastReason != .some(reason) || isMistaken || now >= nextStatus {
          try report(reason, object.json)
          if lastReason != .some(reason) {
            configuration.log("node \(node.name) is " + (reason.map { "not ready: \($0)" } ?? "ready"))
          }
          lastReason = .some(reason)
          nextStatus = now + Self.statusInterval
        }
        if now >= nextLease {
          try renewLease(owner: object)
          nextLease = now + configuration.leaseInterval
        }
        backoff.reset()
        pause = min(reason == nil ? Self.patience : Self.impatience, max(0.05, nextLease - Time.monotonicSeconds))
      } catch {
        configuration.log("node \(node.name): \(error)")
        pause = backoff.pause()
      }
    }
  }

  /// The Node object, created or with its labels mended.
  private func register() throws -> KubernetesObject {
    guard let object = try client.find(.nodes, name: node.name) else {
      do { return try client.create(.nodes, node.object) } catch let status as APIStatus where status.isAlreadyExists {
        return try client.get(.nodes, name: node.name)
      }
    }
    // Roles are said once: the API server lets no node change them afterwards.
    let wanted = node.labels.filter { !$0.key.hasPrefix("node-role.kubernetes.io/") }
    guard wanted.contains(where: { object.labels[$0.key] != $0.value }) else { return object }
    return try client.patch(.nodes, name: node.name, .merge, ["metadata": ["labels": JSON(stringMap: wanted)]])
  }

  /// Why pods cannot get a network yet; nil if they can.
  private func notReady(_ object: JSON) -> String? {
    if object["spec", "podCIDR"].string?.isEmpty ?? true { return "the node has no podCIDR yet" }
    do {
      if try CNINetwork.load(directory: configuration.networkConfigurationDirectory) == nil {
        return "no CNI configuration in \(configuration.networkConfigurationDirectory)"
      }
    } catch {
      return "\(error)"
    }
    return nil
  }

  private func report(_ reason: String?, _ object: JSON) throws {
    var status = node.status(notReady: reason, previous: object["status"], now: .now())
    // Addresses are merged by their type, so that of two InternalIPs the second would replace the first: the list is
    // replaced as a whole, as kubelet does it.
    status["addresses"] = .array(status["addresses"].elements + [["$patch": "replace"]])
    try client.patch(.nodes, name: node.name, .strategicMerge, ["status": status], subresource: "status")
  }

  private func renewLease(owner: KubernetesObject) throws {
    let namespace = "kube-node-lease"
    let time: JSON = .string(Timestamp.now().microDescription)
    do {
      try client.patch(
        .leases, namespace: namespace, name: node.name, .merge,
        ["spec": ["renewTime": time, "holderIdentity": .string(node.name), "leaseDurationSeconds": 40]])
    } catch let status as APIStatus where status.isNotFound {
      var lease = KubernetesObject(.leases, namespace: namespace, name: node.name)
      lease.json["metadata", "ownerReferences"] = [
        ["apiVersion": "v1", "kind": "Node", "name": .string(node.name), "uid": .string(owner.uid)]
      ]
      lease.json["spec"] = [
        "holderIdentity": .string(node.name), "leaseDurationSeconds": 40, "acquireTime": time, "renewTime": time,
      ]
      try client.create(.leases, lease)
    }
  }
}
