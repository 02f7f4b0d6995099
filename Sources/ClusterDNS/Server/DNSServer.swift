package import Addressing
package import ClusterModel
internal import CLinux
internal import Glibc
package import Linux
internal import Synchronization

/// A DNS server for a cluster's names, for fixed hosts, and, through upstreams, for all others. It listens from `init`
/// on, so that a port that is taken is an error there, and answers from `start` to `stop`.
package final class DNSServer: Sendable {
  /// What the workers share.
  final class Shared: Sendable {
    let configuration: Configuration
    /// One a worker, so that counting is nobody's bottleneck.
    let statistics: [Statistics]
    let sockets: [ListeningSockets]
    /// Readable once the server stops.
    let wake: FileDescriptor
    private let plan: Mutex<ServerPlan>
    /// Changes with every plan.
    let generation = Atomic(0)

    init(_ configuration: Configuration, plan: ServerPlan, sockets: [ListeningSockets]) throws(SystemError) {
      self.configuration = configuration
      self.sockets = sockets
      self.plan = Mutex(plan)
      statistics = (0..<configuration.workers).map { _ in Statistics() }
      wake = FileDescriptor(
        owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }

    var currentPlan: (ServerPlan, Int) { plan.withLock { ($0, generation.load(ordering: .relaxed)) } }

    func replace(_ new: ServerPlan) {
      plan.withLock { plan in
        plan = new
        generation.add(1, ordering: .releasing)
      }
    }
  }

  private let shared: Shared
  private let zone: ClusterZone?
  private let threads = Mutex<[Linux.Thread]>([])
  private let isStarted = Atomic(false)

  /// Throws a `ConfigurationError`, a `TLSError`, or a `SystemError` that names the address that cannot be bound.
  package init(_ wanted: Configuration) throws {
    var configuration = wanted
    configuration.workers = max(configuration.workers, 1)
    guard !configuration.listen.isEmpty else { throw ConfigurationError.noAddress }
    do {
      zone = try configuration.clusterDomain.map { domain throws(DomainNameError) in
        ClusterZone(zone: try DomainName(parsing: domain))
      }
    } catch {
      throw ConfigurationError.clusterDomain(error)
    }
    let plan = try Self.plan(configuration.rules, configuration, zone, after: nil)
    let contexts = try configuration.tls?.contexts ?? []
    var sockets: [ListeningSockets] = []
    for address in configuration.listen {
      sockets.append(try ListeningSockets(address, configuration, contexts))
    }
    shared = try Shared(configuration, plan: plan, sockets: sockets)
  }

  /// The rules as workers use them. What an earlier plan's block for the same zones has in its cache stays there.
  private static func plan(
    _ rules: [BlockRules], _ configuration: Configuration, _ zone: ClusterZone?, after old: ServerPlan?
  ) throws -> ServerPlan {
    ServerPlan(
      try rules.map { rules in
        guard rules.ttl <= 3600 else { throw ConfigurationError.ttl(rules.ttl) }
        for upstream in rules.forwards.flatMap(\.upstreams) where configuration.listen.contains(upstream.address) {
          throw ConfigurationError.loop(upstream.address)
        }
        let earlier = old?.blocks.first { $0.rules.zones == rules.zones && $0.rules.port == rules.port }
        let cache = rules.cache.map { limits in
          earlier?.cache.flatMap { $0.limits == limits ? $0 : nil } ?? AnswerCache(limits)
        }
        return try ServerBlock(rules, configuration, zone: zone, cache: cache)
      })
  }

  /// Serves by other rules from the next question on; questions that wait are answered by the old ones. Throws, and goes
  /// on as before, where the rules cannot be used.
  package func reload(_ rules: [BlockRules]) throws {
    shared.replace(try Self.plan(rules, shared.configuration, zone, after: shared.currentPlan.0))
  }

  package var configuration: Configuration { shared.configuration }
  var currentPlan: ServerPlan { shared.currentPlan.0 }
  var currentZone: ClusterZone? { zone }

  /// Where the server listens, with the ports it got.
  package var addresses: [AddressAndPort] { shared.sockets.map(\.address) }
  package var statistics: [Statistics] { shared.statistics }
  /// The caches of all blocks.
  package var caches: [AnswerCache] { shared.currentPlan.0.blocks.compactMap(\.cache) }
  /// All objects have been seen; before that, unknown cluster names get SERVFAIL.
  package var isSynced: Bool { zone?.isSynced ?? true }

  /// Whether a Service of the cluster has this address, with ready endpoints behind it.
  package func hasOtherServers(_ address: IPAddress) -> Bool {
    guard let claim = zone?.pointer(address), claim.host < 0 else { return false }
    return !claim.service.hosts.isEmpty
  }

  // MARK: contents

  /// Makes the server know exactly these objects, and counts as the first sync. `namespaces` beside those that the
  /// objects name.
  package func replaceAll(
    _ services: [ServiceWithEndpoints], pods: some Sequence<Pod> = [Pod](),
    namespaces: some Sequence<String> = [String]()
  ) {
    zone?.replaceAll(services, pods: pods, namespaces: namespaces)
  }

  /// Replaces one Service; nil removes it.
  package func update(service id: NamespacedName, to value: ServiceWithEndpoints?) {
    zone?.update(service: id, to: value)
  }

  /// Replaces one pod; nil removes it. Pods matter for `PodRecords.verified` and for which namespaces exist.
  package func update(pod id: NamespacedName, to value: Pod?) { zone?.update(pod: id, to: value) }

  /// Says that a namespace exists even while nothing is in it.
  package func update(namespace: String, exists: Bool) { zone?.update(namespace: namespace, exists: exists) }

  /// Replaces the fixed hosts: names with their addresses, answered before anything else and with authority. A server
  /// without cluster domain and upstreams says NXDOMAIN to every other name.
  package func serveStatic(_ hosts: [String: [IPAddress]]) throws(DomainNameError) {
    var names: [DomainName: [IPAddress]] = [:]
    for (name, addresses) in hosts { names[try DomainName(parsing: name)] = addresses }
    for block in shared.currentPlan.0.blocks { block.responder.hosts.replace(names) }
  }

  // MARK: running

  /// Starts to answer. A server starts once.
  package func start() throws(SystemError) {
    guard !isStarted.exchange(true, ordering: .relaxed) else { return }
    var workers: [Worker] = []
    for number in 0..<shared.configuration.workers { workers.append(try Worker(shared, number: number)) }
    threads.withLock { threads in
      threads = workers.enumerated().map { number, worker in Linux.Thread("dns-\(number)") { worker.run() } }
    }
  }

  /// Answers what has come in and what waits for upstreams, for `drainTime` at most, then stops. The sockets close with
  /// the server.
  package func stop() {
    eventfd_write(shared.wake.raw, 1)
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in threads { thread.join() }
  }
}
