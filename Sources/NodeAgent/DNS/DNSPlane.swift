internal import Addressing
internal import ClusterDNS
package import ClusterModel
package import JSON
internal import Linux
internal import Netlink
internal import PodNetwork
internal import Synchronization

/// Cluster DNS: a name server fed from the model. On a node it answers at the cluster DNS address itself, reached without
/// leaving the node; as a Deployment at its own.
package final class DNSPlane: Plane {
  package let name = "dns"
  private let service: DNSService
  private var server: DNSServer { service.server }
  /// nil: nothing is intercepted. Used by `init`, `watch` and then the plane's own thread alone, one after another.
  private nonisolated(unsafe) let interception: DNSInterception?
  private let watcher: Mutex<NFTablesWatch?> = Mutex(nil)

  /// Binds the cluster DNS address; answers (SERVFAIL until the first synchronization) begin at once.
  package init(_ configuration: AgentConfiguration) throws {
    var settings = DNSServer.Configuration(
      listen: configuration.clusterDNS.map { AddressAndPort($0, 53) })
    let options = configuration.dns
    options.apply(to: &settings)
    settings.clusterDomain = configuration.clusterDomain
    settings.reverseRanges = configuration.podRanges + configuration.serviceRanges
    settings.upstreams = configuration.upstreamDNS.map { AddressAndPort($0, 53) }
    settings.isFreeBind = true
    let leases = LeaseStore(
      dataDirectory: configuration.cniDataDirectory, network: PodNetworkConfiguration.defaultName)
    settings.completion = options.completion { leases.pod(at: $0) }
    settings.podName = { leases.pod(at: $0) }
    var extra = DNSService.Settings()
    extra.version = configuration.version
    extra.corefile = options.corefile
    extra.reverseRanges = settings.reverseRanges
    // At the cluster DNS address, so that no port of the node's own is taken.
    let own = configuration.clusterDNS.filter { $0.family == .v4 }
    extra.health = own.map { AddressAndPort($0, 8080) }
    extra.ready = own.map { AddressAndPort($0, 8181) }
    extra.metrics = own.map { AddressAndPort($0, 9153) }
    service = try DNSService(settings, extra)
    let interception = try DNSInterception(configuration.clusterDNS)
    try interception.ensure()
    self.interception = interception
    try service.start()
  }

  /// A server that is reached as any other: `swiftlet dns`.
  init(_ service: DNSService) {
    self.service = service
    interception = nil
  }

  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {
    guard let interception else { return }
    let started = try NFTablesWatch(
      [DNSInterception.table], ignoring: [interception.port]
    ) { _ in requestRepair() }
    watcher.withLock { $0 = started }
  }

  package func wants(_ key: ChangeKey) -> Bool {
    switch key {
    case .service, .pod, .namespace: true
    default: false
    }
  }

  package func synchronize(_ model: SharedModel) throws {
    let (services, pods, namespaces) = model.read { state in
      (
        state.services.keys.compactMap(state.serviceWithEndpoints), Array(state.pods.values),
        Array(state.namespaces.keys)
      )
    }
    server.replaceAll(services, pods: pods, namespaces: namespaces)
  }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {
    for key in keys {
      switch key {
      case .service(let id): server.update(service: id, to: model.read { $0.serviceWithEndpoints(id) })
      case .pod(let id): server.update(pod: id, to: model.read { $0.pods[id] })
      case .namespace(let name): server.update(namespace: name, exists: model.read { $0.namespaces[name] != nil })
      default: break
      }
    }
  }

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws { try interception?.ensure() }

  package var status: JSON {
    [
      "addresses": .array(server.addresses.map { .string("\($0)") }), "synced": .bool(server.isSynced),
      "cached": .int(Int64(server.caches.reduce(0) { $0 + $1.size.count })),
    ]
  }

  /// What would become of a question, for people.
  package func explain(_ name: String, type: String, from pod: Pod?) -> JSON {
    .array(server.explain(name, type: type, namespace: pod?.id.namespace).map { .string($0) })
  }

  package func stop() {
    watcher.withLock { watcher in
      watcher?.stop()
      watcher = nil
    }
    // Where others answer at the cluster DNS address too, they get the questions from here on. Where nobody does, the
    // kernel's refusal of our own address is better than questions that lead nowhere.
    if let interception, server.addresses.contains(where: { server.hasOtherServers($0.address) }) {
      do { try interception.remove() } catch { Log("dns").error("hand over to the Service: \(error)") }
    }
    service.stop()
  }
}
