package import ClusterModel
package import Kubernetes
internal import Linux
internal import Netlink
internal import ServiceProxy
internal import Synchronization

/// Services on one node.
package final class ServicesPlane: Plane {
  package let name = "services"
  let settings: AgentConfiguration
  let proxy: ServiceProxy
  private let watcher: Mutex<NFTablesWatch?> = Mutex(nil)
  private let health: ProxyHealth
  private let metrics = ServiceMetrics()
  private let problems: ServiceProblems

  /// `recorder` takes Events about Services that cannot be programmed.
  package init(_ settings: AgentConfiguration, recorder: EventRecorder? = nil) throws {
    self.settings = settings
    proxy = try ServiceProxy(Self.configuration(settings, own: nil, ranges: []), backend: settings.servicesBackend)
    health = ProxyHealth(
      families: Set(settings.podRanges.map(\.family)), mode: settings.servicesBackend.mode, metrics: metrics)
    problems = ServiceProblems(recorder)
  }

  /// `ranges` are those of the cluster's ServiceCIDRs, beside what the agent was told.
  static func configuration(
    _ settings: AgentConfiguration, own: Node?, ranges: [ServiceCIDR]
  ) -> ServiceProxyConfiguration {
    var serviceRanges = settings.serviceRanges
    for range in ranges.flatMap(\.ranges).sorted() {
      if !serviceRanges.contains(where: { $0.contains(range) }) { serviceRanges.append(range) }
    }
    var configuration = ServiceProxyConfiguration(
      nodeName: settings.nodeName, zone: own?.zone, nodeAddresses: own?.addresses ?? [],
      nodePortRanges: settings.nodePortRanges, localPodRanges: own?.podRanges ?? [],
      serviceRanges: serviceRanges,
      clusterRanges: settings.podRanges + settings.nodeRanges)
    // Where neither routes nor pods are ours, their way out is not either.
    configuration.masqueradesPods = !settings.disabledPlanes.isSuperset(of: ["routing", "wiring"])
    return configuration
  }

  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {
    let families = Set(settings.podRanges.map(\.family)).sorted { $0 == .v4 && $1 == .v6 }
    try health.start { [metrics, proxy] in metrics.text(proxy, families) }
  }

  /// From the first synchronization on.
  private func watchOthers() {
    let log = Log("agent services")
    do {
      if watcher.withLock({ $0 != nil }) { return }
      let started = try proxy.startWatching { event in log.warning("\(event)") }
      watcher.withLock { $0 = started }
      if try proxy.repairIfOthersCommitted() { log.info("others changed nftables meanwhile: compared and repaired") }
    } catch {
      log.error("\(error); changes by others are noticed only when something else changes")
    }
  }

  package func noticed(_ keys: [ChangeKey]) { metrics.queued(keys) }

  package func wants(_ key: ChangeKey) -> Bool {
    switch key {
    case .service: true
    case .node(let name): name == settings.nodeName
    case .serviceCIDR: true
    default: false
    }
  }

  package func synchronize(_ model: SharedModel) throws {
    metrics.taken(nil)
    try telling(model, isFull: true) { try synchronizeAll(model) }
    watchOthers()
  }

  /// Health follows what was programmed.
  private func telling(_ model: SharedModel, isFull: Bool? = nil, _ work: () throws -> Void) throws {
    let begin = Time.monotonicSeconds
    do { try work() } catch {
      health.failed()
      throw error
    }
    if let isFull { metrics.synced(isFull: isFull, Time.monotonicSeconds - begin) }
    problems.tell(refused: proxy.refused, waiting: proxy.conflicts)
    health.update(proxy.healthChecks, own: model.read { $0.nodes[settings.nodeName] })
  }

  private func synchronizeAll(_ model: SharedModel) throws {
    let (configuration, services) = model.read { state in
      (self.configuration(state), state.services.keys.compactMap(state.serviceWithEndpoints))
    }
    _ = try proxy.configure(configuration)
    try proxy.sync(full: services)
    for service in services { metrics.programmed(service.service.id, service.slices) }
  }

  func configuration(_ state: ClusterState) -> ServiceProxyConfiguration {
    Self.configuration(settings, own: state.nodes[settings.nodeName], ranges: Array(state.serviceRanges.values))
  }

  package func apply(_ keys: [ChangeKey], _ model: SharedModel) throws {
    metrics.taken(keys)
    try telling(model, isFull: false) { try applyChanges(keys, model) }
  }

  private func applyChanges(_ keys: [ChangeKey], _ model: SharedModel) throws {
    let concernsAll = keys.contains { key in
      switch key {
      case .node(settings.nodeName), .serviceCIDR: true
      default: false
      }
    }
    if concernsAll, try proxy.configure(model.read { configuration($0) }) { return try synchronizeAll(model) }
    let changed: [(id: NamespacedName, service: ServiceWithEndpoints?)] = model.read { state in
      keys.compactMap { key in
        guard case .service(let id) = key else { return nil }
        return (id, state.serviceWithEndpoints(id))
      }
    }
    if changed.isEmpty { return }
    try proxy.update(changed)
    for (id, service) in changed { metrics.programmed(id, service?.slices ?? []) }
  }

  /// Of foreign changes to nftables the proxy hears by itself, and repairs them at once; of others it must look.
  package func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws {
    try telling(model) {
      if try proxy.repairIfLost() {
        Log("agent services").warning("rules of Services were gone: compared and repaired")
      }
    }
  }

  package func stop() {
    health.stop()
    watcher.withLock { watcher in
      watcher?.stop()
      watcher = nil
    }
  }
}
