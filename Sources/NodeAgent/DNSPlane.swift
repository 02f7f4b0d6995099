internal import Addressing
internal import ClusterDNS
package import ClusterModel
internal import Linux
internal import Netlink
internal import Synchronization

/// Cluster DNS on the node itself: a name server at the cluster DNS address, reached without leaving the node.
package final class DNSPlane: Plane {
  package let name = "dns"
  private let server: DNSServer
  /// Used by `init`, `watch` and then the plane's own thread alone, one after another.
  private nonisolated(unsafe) let interception: DNSInterception
  private let watcher: Mutex<NFTablesWatch?> = Mutex(nil)

  /// Binds the cluster DNS address; answers (SERVFAIL until the first synchronization) begin at once.
  package init(_ configuration: AgentConfiguration) throws {
    var settings = DNSServer.Configuration(
      listen: configuration.clusterDNS.map { AddressAndPort($0, 53) })
    settings.clusterDomain = configuration.clusterDomain
    settings.reverseRanges = configuration.podRanges + configuration.serviceRanges
    settings.upstreams = configuration.upstreamDNS.map { AddressAndPort($0, 53) }
    settings.isFreeBind = true
    server = try DNSServer(settings)
    try server.start()
    interception = try DNSInterception(configuration.clusterDNS)
    try interception.ensure()
  }

  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {
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

  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws { try interception.ensure() }

  package func stop() {
    watcher.withLock { watcher in
      watcher?.stop()
      watcher = nil
    }
    server.stop()
  }
}
