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
    let responder: Responder
    let cache: AnswerCache
    let statistics = Statistics()
    let sockets: [ListeningSockets]
    /// Readable once the server stops.
    let wake: FileDescriptor

    init(configuration: Configuration, responder: Responder, sockets: [ListeningSockets]) throws(SystemError) {
      self.configuration = configuration
      self.responder = responder
      self.sockets = sockets
      cache = AnswerCache(configuration.cache)
      wake = FileDescriptor(
        owning: try check("eventfd") { eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) })
    }
  }

  private let shared: Shared
  private let zone: ClusterZone?
  private let hosts = StaticHosts()
  private let threads = Mutex<[Linux.Thread]>([])
  private let isStarted = Atomic(false)

  /// Throws a `ConfigurationError`, or a `SystemError` that names the address that cannot be bound.
  package init(_ configuration: Configuration) throws {
    guard !configuration.listen.isEmpty else { throw ConfigurationError.noAddress }
    guard configuration.ttl <= 3600 else { throw ConfigurationError.ttl(configuration.ttl) }
    do {
      zone = try configuration.clusterDomain.map { domain throws(DomainNameError) in
        ClusterZone(zone: try DomainName(parsing: domain))
      }
    } catch {
      throw ConfigurationError.clusterDomain(error)
    }
    if let loop = configuration.upstreams.first(where: configuration.listen.contains) {
      throw ConfigurationError.loop(loop)
    }
    var responder = Responder(
      hosts: hosts, zone: zone, pods: configuration.podRecords, ttl: configuration.ttl,
      reverseRanges: configuration.reverseRanges, hasUpstreams: !configuration.upstreams.isEmpty,
      keepalive: UInt16(clamping: configuration.idleTimeout * 10))
    responder.nameServerAddresses =
      configuration.nameServerAddresses ?? configuration.listen.map(\.address).filter { !$0.isUnspecified }
    var sockets: [ListeningSockets] = []
    for address in configuration.listen { sockets.append(try ListeningSockets(address, configuration)) }
    shared = try Shared(configuration: configuration, responder: responder, sockets: sockets)
  }

  /// Where the server listens, with the ports it got.
  package var addresses: [AddressAndPort] { shared.sockets.map(\.address) }
  package var statistics: Statistics { shared.statistics }
  package var cache: AnswerCache { shared.cache }
  /// All objects have been seen; before that, unknown cluster names get SERVFAIL.
  package var isSynced: Bool { zone?.isSynced ?? true }

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
    self.hosts.replace(names)
  }

  // MARK: running

  /// Starts to answer. A server starts once.
  package func start() throws(SystemError) {
    guard !isStarted.exchange(true, ordering: .relaxed) else { return }
    var workers: [Worker] = []
    for _ in 0..<max(shared.configuration.workers, 1) { workers.append(try Worker(shared)) }
    threads.withLock { threads in
      threads = workers.enumerated().map { number, worker in Linux.Thread("dns-\(number)") { worker.run() } }
    }
  }

  /// Stops answering and waits for the threads. The sockets close with the server.
  package func stop() {
    eventfd_write(shared.wake.raw, 1)
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in threads { thread.join() }
  }
}
