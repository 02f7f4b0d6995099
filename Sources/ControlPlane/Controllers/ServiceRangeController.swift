internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux

/// The life of ServiceCIDRs (KEP-1880): holds each by a finalizer until no Service needs its addresses, says in its condition
/// `Ready` whether it serves, and makes the cluster's own range anew when it is gone. Keys are ServiceCIDRs.
final class ServiceRangeController: Controller {
  static let finalizer = "networking.k8s.io/service-cidr-finalizer"
  /// The range the API server was started with.
  static let defaultName = "kubernetes"
  /// Seconds from the deletion on in which allocators learn of it (KEP-1880).
  static let deletionGrace = 10.0

  let name = "service ranges"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let defaults: [Prefix]

  /// `defaults`: the prefixes of the range that is always there.
  init(_ context: ControllerContext, defaults: [Prefix]) {
    self.context = context
    self.defaults = defaults
  }

  func observe() {
    queue.follow(context.serviceRanges)
    // A range may let another go: it may cover its addresses, or stop to.
    context.serviceRanges.observe { [weak self] _, _ in self?.lookAtTerminating() }
    context.serviceAddresses.observe { [weak self] _, new in if new == nil { self?.lookAtTerminating() } }
  }

  private func lookAtTerminating() {
    for range in context.serviceRanges.all where range.isTerminating { queue.add(range.key) }
  }

  static func prefixes(_ range: KubernetesObject) -> [Prefix] {
    range.spec["cidrs"].elements.compactMap { $0.string.flatMap { Prefix($0) } }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let range = try context.client.find(.serviceCIDRs, name: key.name) else {
      if key.name == Self.defaultName, !defaults.isEmpty { try makeDefault() }
      return
    }
    guard range.isTerminating else {
      try keep(range)
      return
    }
    guard range.finalizers.contains(Self.finalizer) else { return }
    if isNeeded(range) {
      return try setReady(
        range, "False", reason: "Terminating",
        message:
          "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR")
    }
    let age = Double(Timestamp.now().seconds - (range.deletionTimestamp ?? .now()).seconds)
    if age < Self.deletionGrace {
      try setReady(range, "False", reason: "Terminating", message: "The ServiceCIDR is about to go.")
      queue.add(key, after: Self.deletionGrace - age + 0.1)
      return
    }
    var free = range
    free.finalizers.removeAll { $0 == Self.finalizer }
    try context.client.update(.serviceCIDRs, free)
  }

  private func keep(_ range: KubernetesObject) throws {
    var range = range
    if !range.finalizers.contains(Self.finalizer) {
      range.finalizers.append(Self.finalizer)
      range = try context.client.update(.serviceCIDRs, range)
    }
    try setReady(range, "True", reason: "Ready", message: "Kubernetes Service CIDR is ready")
  }

  private func setReady(_ range: KubernetesObject, _ status: String, reason: String, message: String) throws {
    var conditions = Conditions(range.status["conditions"])
    conditions.set("Ready", status, reason: reason, message: message, now: .now())
    var wanted = range.status
    wanted["conditions"] = conditions.json
    try context.updateStatus(.serviceCIDRs, range, wanted)
  }

  /// Whether a Service has an address of this range that no other range covers.
  private func isNeeded(_ range: KubernetesObject) -> Bool {
    let own = Self.prefixes(range)
    let others = context.serviceRanges.all.filter { $0.uid != range.uid && !$0.isTerminating }
      .flatMap { Self.prefixes($0) }.map { ServiceRange($0) }
    return context.serviceAddresses.all.contains { object in
      guard let address = IPAddress(object.name) else { return false }
      return own.contains { $0.contains(address) } && !others.contains { $0.serves(address) }
    }
  }

  private func makeDefault() throws {
    do {
      var range = KubernetesObject(.serviceCIDRs, name: Self.defaultName)
      range.spec["cidrs"] = .array(defaults.map { .string("\($0)") })
      try context.client.create(.serviceCIDRs, range)
    } catch let status as APIStatus where status.isAlreadyExists {
      return
    }
  }
}
