internal import Addressing
internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Gives Services of type LoadBalancer addresses of LoadBalancerPools: writes `status.loadBalancer.ingress`, a condition and
/// Events, and how full the pools are.
///
/// Everything it knows it reads from the objects, so that it can end at any moment. A Service it gave addresses to is known
/// by the condition; others it leaves alone.
final class LoadBalancerController: Controller {
  enum Key: Hashable, Sendable, CustomStringConvertible {
    case service(NamespacedKey)
    case pool(String)

    var description: String {
      switch self {
      case .service(let key): "Service \(key)"
      case .pool(let name): "LoadBalancerPool \(name)"
      }
    }
  }

  /// The condition of a Service that says whether it has its addresses; only Services we serve have it.
  static let condition = "swiftlet.dev/AddressesAllocated"
  /// Seconds in which changes of a pool's counts are gathered.
  private static let countDelay = 0.5

  private struct State {
    var addresses = LoadBalancerAddresses()
    /// Services without what they want.
    var waiting: Set<NamespacedKey> = []
    /// Services we serve, or may have served.
    var ours: Set<NamespacedKey> = []
    /// Whether what Services have already is known.
    var hasAdopted = false
  }

  let name = "load balancer addresses"
  let queue = WorkQueue<Key>()
  private let context: ControllerContext
  private let servesDefaultClass: Bool
  private let clusterRanges: [Prefix]
  private let state = Mutex(State())

  /// `servesDefaultClass`: also Services without `spec.loadBalancerClass`.
  init(_ context: ControllerContext, servesDefaultClass: Bool, clusterRanges: [Prefix]) {
    self.context = context
    self.servesDefaultClass = servesDefaultClass
    self.clusterRanges = clusterRanges
  }

  func observe() {
    context.services.observe { [weak self] old, new in self?.observe(old, new) }
    context.loadBalancerPools.observe { [weak self] old, new in
      guard let self, let object = new ?? old else { return }
      if let old, let new, old.spec == new.spec { return }
      queue.add(.pool(object.name))
    }
    context.namespaces.observe { [weak self] old, new in
      guard let self, let old, let new, old.labels != new.labels else { return }
      for service in context.services.list(namespace: new.name) where serves(service) {
        queue.add(.service(service.key))
      }
    }
  }

  private func observe(_ old: KubernetesObject?, _ new: KubernetesObject?) {
    guard let object = new ?? old, serves(object) || isMarked(object) || (old.map { serves($0) } ?? false) else {
      return
    }
    queue.add(.service(object.key))
  }

  private func serves(_ service: KubernetesObject) -> Bool {
    guard service.spec["type"].string == "LoadBalancer", !service.isTerminating else { return false }
    let wanted = service.spec["loadBalancerClass"].string ?? ""
    return wanted == LoadBalancerRequest.loadBalancerClass || (wanted.isEmpty && servesDefaultClass)
  }

  private func isMarked(_ service: KubernetesObject) -> Bool { service.condition(Self.condition).object != nil }

  private static func addresses(_ service: KubernetesObject) -> [IPAddress] {
    service.status["loadBalancer", "ingress"].elements.compactMap { $0["ip"].string.flatMap { IPAddress($0) } }
  }

  private func request(_ service: KubernetesObject) -> LoadBalancerRequest {
    LoadBalancerRequest(service, namespaceLabels: context.namespaces.get("", service.namespace)?.labels ?? [:])
  }

  func reconcile(_ key: Key) throws {
    adoptOnce()
    switch key {
    case .pool(let name): try reconcile(pool: name)
    case .service(let key): try reconcile(service: key)
    }
  }

  /// Before anything is given out, what Services have is noted, the oldest first: of two with one address that one keeps it.
  private func adoptOnce() {
    guard !state.withLock({ $0.hasAdopted }) else { return }
    let pools = context.loadBalancerPools.all.map { LoadBalancerPool($0, clusterRanges: clusterRanges) }
    let services = context.services.all.filter { serves($0) && isMarked($0) }.sorted {
      ($0.creationTimestamp?.seconds ?? 0, $0.key.description) < (
        $1.creationTimestamp?.seconds ?? 0, $1.key.description
      )
    }
    let requests = services.map { (request($0), Self.addresses($0)) }
    state.withLock { state in
      for pool in pools { state.addresses.set(pool.name, pool) }
      for (request, addresses) in requests where !addresses.isEmpty {
        state.addresses.adopt(request, addresses)
        state.ours.insert(request.key)
      }
      state.hasAdopted = true
    }
    for (request, _) in requests { queue.add(.service(request.key)) }
  }

  // MARK: Services

  private func reconcile(service key: NamespacedKey) throws {
    guard let service = context.services.get(key), serves(service) else {
      giveBack(key)
      if let service = context.services.get(key), isMarked(service) { try clear(service) }
      return
    }
    let request = request(service)
    var result: Result<[IPAddress], LoadBalancerAddresses.Refusal> = .success([])
    let before = state.withLock { state in
      let before = state.addresses.holdings[key]?.addresses ?? []
      do throws(LoadBalancerAddresses.Refusal) {
        result = .success(try state.addresses.allocate(request))
        state.waiting.remove(key)
      } catch {
        result = .failure(error)
        state.waiting.insert(key)
      }
      state.ours.insert(key)
      return before
    }
    let after = (try? result.get()) ?? []
    if before != after { freed(before.filter { address in !after.contains { $0 == address } }, also: after) }
    try write(result, to: service)
  }

  private func giveBack(_ key: NamespacedKey) {
    let freed = state.withLock { state in
      state.waiting.remove(key)
      state.ours.remove(key)
      return state.addresses.release(key)
    }
    self.freed(freed, also: [])
  }

  /// Who waits is looked at again, and the pools are counted.
  private func freed(_ addresses: [IPAddress], also others: [IPAddress]) {
    let (waiting, pools) = state.withLock { state in
      let changed = addresses + others
      let pools = state.addresses.pools.values.filter { pool in changed.contains { pool.contains($0) } }.map(\.name)
      return (addresses.isEmpty ? [] : Array(state.waiting), pools)
    }
    for key in waiting { queue.add(.service(key)) }
    for pool in pools { queue.add(.pool(pool), after: Self.countDelay) }
  }

  private func write(_ result: Result<[IPAddress], LoadBalancerAddresses.Refusal>, to service: KubernetesObject) throws
  {
    var status = service.status
    var conditions = Conditions(status["conditions"])
    let had = Self.addresses(service)
    switch result {
    case .success(let addresses):
      let same = had == addresses
      status["loadBalancer"] = [
        "ingress": .array(addresses.map { ["ip": .string("\($0)"), "ipMode": "VIP"] })
      ]
      let list = addresses.map(\.description).joined(separator: ", ")
      conditions.set(Self.condition, "True", reason: "Allocated", message: "has \(list)", now: .now())
      status["conditions"] = conditions.json
      try context.updateStatus(.services, service, status)
      if !same {
        context.events.record(service, reason: "AddressesAllocated", message: "The Service has \(list).")
      }
    case .failure(let refusal):
      status["loadBalancer"] = [:]
      let reason = refusal.reason.rawValue
      let word = reason.prefix(1).uppercased() + reason.dropFirst()
      conditions.set(Self.condition, "False", reason: word, message: refusal.message, now: .now())
      status["conditions"] = conditions.json
      guard status != service.status else { return }
      try context.updateStatus(.services, service, status)
      context.events.record(
        service, .warning, reason: "AddressesNotAllocated", message: "\(word): \(refusal.message)")
    }
  }

  /// The Service is no longer ours: what we wrote goes, as long as it is what we wrote.
  private func clear(_ service: KubernetesObject) throws {
    var status = service.status
    var conditions = Conditions(status["conditions"])
    conditions.remove(Self.condition)
    status["conditions"] = conditions.json
    status["loadBalancer"] = [:]
    try context.updateStatus(.services, service, status)
  }

  // MARK: Pools

  private func reconcile(pool name: String) throws {
    let object = context.loadBalancerPools.get("", name)
    let pool = object.map { LoadBalancerPool($0, clusterRanges: clusterRanges) }
    let (isChanged, keys) = state.withLock { state in
      let isChanged = state.addresses.pools[name] != pool
      if isChanged { state.addresses.set(name, pool) }
      return (isChanged, state.ours)
    }
    // Who has an address of it may have to give it back, and who waits may have one.
    if isChanged { for key in keys { queue.add(.service(key)) } }
    guard let object, let pool, !object.isTerminating else { return }
    let (used, overlapping) = state.withLock { state in
      (
        state.addresses.used(of: name),
        state.addresses.pools.values.filter { other in
          other.name != name && other.ranges.contains { range in pool.ranges.contains { $0.overlaps(range) } }
        }.map(\.name).sorted()
      )
    }
    try write(pool, object, used: used, overlapping: overlapping)
  }

  private func write(_ pool: LoadBalancerPool, _ object: KubernetesObject, used: Int, overlapping: [String]) throws {
    var status = object.status
    let total = Int64(clamping: pool.count)
    status["total"] = .int(total)
    status["used"] = .int(Int64(used))
    status["available"] = .int(max(0, total - Int64(used)))
    status["observedGeneration"] = .int(Int64(object.generation))
    var conditions = Conditions(status["conditions"])
    let wasExhausted = conditions["Exhausted"]["status"].string == "True"
    let isExhausted = pool.fault == nil && used >= total
    conditions.set(
      "Ready", pool.fault == nil ? "True" : "False", reason: pool.fault == nil ? "Valid" : "Invalid",
      message: pool.fault ?? "addresses are given out", now: .now())
    conditions.set(
      "Exhausted", isExhausted ? "True" : "False", reason: isExhausted ? "AllInUse" : "AddressesLeft",
      message: isExhausted ? "every address is in use: add addresses to spec.addresses" : "addresses are left",
      now: .now())
    conditions.set(
      "Overlapping", overlapping.isEmpty ? "False" : "True", reason: overlapping.isEmpty ? "Distinct" : "Overlaps",
      message: overlapping.isEmpty
        // Never empty: Kubernetes 1.20 takes an empty text of a custom resource for none, and refuses the status.
        ? "shares no address with another pool"
        : "shares addresses with \(overlapping.joined(separator: ", ")); none is given out twice", now: .now())
    status["conditions"] = conditions.json
    try context.updateStatus(.loadBalancerPools, object, status)
    if let fault = pool.fault {
      context.events.record(object, .warning, reason: "InvalidPool", message: "Nothing is given out: \(fault)")
    } else if isExhausted, !wasExhausted {
      context.events.record(
        object, .warning, reason: "PoolExhausted", message: "Every address is in use: add addresses to spec.addresses.")
    }
  }
}
