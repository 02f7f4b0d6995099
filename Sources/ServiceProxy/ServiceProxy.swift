package import ClusterModel
package import Linux
internal import Netlink
internal import Synchronization

/// Makes the kernel of one node hold exactly what the Services ask for. Nothing is written before the first full
/// synchronization. All functions may be called from any thread; they take turns.
package final class ServiceProxy: Sendable {
  /// Everything mutable; only ever touched under the lock.
  struct Core: ~Copyable {
    let backend: any ServiceBackend
    let kind: ServiceBackendKind
    let namespace: NetworkNamespace?
    /// Services that the kernel does not take, with the reason.
    var refused: [NamespacedName: String] = [:]
    /// What another back end left is removed once, after the first repair.
    var hasRemovedOthers = false
    /// For the table of pods' egress, which stands whatever the back end.
    let socket: NFTablesSocket
    let conntrack: ConntrackSocket
    var model: ServiceModel
    var hasSynced = false
    /// A commit failed, so that what the kernel holds is not known.
    var mustRepair = false
    /// The generation of nf_tables when the first synchronization began, less our own transactions until then.
    var foreignGenerations: UInt32?
  }

  let core: Mutex<Core>
  let namespace: NetworkNamespace?
  package let kind: ServiceBackendKind
  /// Port ids under which the kernel announces our changes.
  let ports: [UInt32]

  /// `namespace` nil is the caller's own.
  package convenience init(
    _ configuration: ServiceProxyConfiguration, backend kind: ServiceBackendKind = .nftables,
    namespace: NetworkNamespace? = nil
  ) throws {
    switch kind {
    case .nftables:
      let backend = try NFTablesBackend(namespace: namespace)
      let port = backend.socket.port
      try self.init(configuration, kind, backend, ports: [port], namespace)
    case .iptables(let variant):
      try self.init(configuration, kind, IPTablesBackend(variant, namespace: namespace), ports: [], namespace)
    case .ipvs(let scheduler):
      let backend = try IPVSBackend(scheduler, namespace: namespace)
      let port = backend.filter.port
      try self.init(configuration, kind, backend, ports: [port], namespace)
    }
  }

  /// With a back end that is there; `ports` are those of its sockets.
  init(
    _ configuration: ServiceProxyConfiguration, _ kind: ServiceBackendKind, _ backend: sending any ServiceBackend,
    ports: [UInt32], _ namespace: NetworkNamespace?
  ) throws {
    let socket = try NFTablesSocket(namespace: namespace)
    let conntrack = try ConntrackSocket(namespace: namespace)
    self.ports = ports + [socket.port]
    self.kind = kind
    self.namespace = namespace
    core = Mutex(
      Core(
        backend: backend, kind: kind, namespace: namespace, socket: socket, conntrack: conntrack,
        model: ServiceModel(
          configuration: configuration, state: ServiceState(localPodRanges: configuration.localPodRanges))))
  }

  package var statistics: Statistics { core.withLock { $0.model.statistics } }

  /// Takes all Services there are as the whole truth, reads what the kernel holds, and repairs the differences. A table of
  /// another layout is replaced in one transaction; translated connections go on either way.
  package func sync(full services: [ServiceWithEndpoints]) throws {
    try core.withLock { core in
      var state = ServiceState(localPodRanges: core.model.configuration.localPodRanges)
      var ignored = ServiceChanges(isRecording: false)
      let compiler = core.model.configuration.compiler
      state.reserveCapacity(services.count)
      for service in services { state.update(service.service.id, to: compiler.compile(service), &ignored) }
      core.model.state = state
      core.refused = [:]
      core.hasSynced = true
      if core.foreignGenerations == nil { core.foreignGenerations = try core.countForeignGenerations() }
      do { try core.repair() } catch {
        try core.isolate(services.map { ($0.service.id, compiler.compile($0)) }, error)
      }
    }
  }

  /// Makes one Service be as given; nil removes it. One transaction of the elements that differ. Before the first `sync`
  /// this does nothing: the synchronization brings it all.
  package func update(service id: NamespacedName, to service: ServiceWithEndpoints?) throws {
    try update([(id, service)])
  }

  /// Several Services in one transaction.
  package func update(_ services: [(id: NamespacedName, service: ServiceWithEndpoints?)]) throws {
    try core.withLock { core in
      guard core.hasSynced else { return }
      let compiler = core.model.configuration.compiler
      try core.program(services.map { ($0.id, $0.service.map { compiler.compile($0) }) })
    }
  }

  /// Compares the kernel with what it shall hold and repairs what differs. Does nothing before the first `sync`.
  package func repair() throws {
    try core.withLock { core in
      if core.hasSynced { try core.repair() }
    }
  }

  /// The same if what we wrote is plainly gone; for changes that the kernel does not announce. True if it was.
  package func repairIfLost() throws -> Bool {
    try core.withLock { core in
      guard core.hasSynced, try !core.backend.isIntact() else { return false }
      try core.repair()
      return true
    }
  }

  /// Changes what is known of this node at run time, such as its pod range once it is known. The node's name cannot
  /// change. True if Services compile otherwise now, so that a `sync` must follow.
  package func configure(_ configuration: ServiceProxyConfiguration) throws -> Bool {
    try core.withLock { core in
      precondition(configuration.nodeName == core.model.configuration.nodeName, "a node keeps its name")
      if configuration == core.model.configuration { return false }
      let mustCompile = configuration.compiler != core.model.configuration.compiler
      core.model.state = ServiceState(copying: core.model.state, localPodRanges: configuration.localPodRanges)
      core.model.configuration = configuration
      if core.hasSynced, !mustCompile { try core.repair() }
      return mustCompile
    }
  }

  /// What load balancers may ask this node: endpoints of its own, by the Service.
  package var healthChecks: [NamespacedName: CompiledService.HealthCheck] {
    core.withLock { $0.model.state.healthChecks }
  }

  /// Services that the kernel does not take, with the reason: they are left out until they change.
  package var refused: [NamespacedName: String] { core.withLock { $0.refused } }

  /// Frontends that several Services ask for, with those that do not have it.
  package var conflicts: [FrontendKey: [NamespacedName]] { core.withLock { $0.model.state.conflicts } }

  /// Removes our tables of nftables, the anchor last, in one transaction. Connections that were translated go on being so only as long
  /// as another table with NAT stands.
  package static func removeTables(namespace: NetworkNamespace? = nil) throws {
    let socket = try NFTablesSocket(namespace: namespace)
    var batch = NFTablesBatch()
    batch.ensureAbsent(ServicesLayout.table)
    batch.ensureAbsent(PodMasquerade.table)
    try socket.commit(batch)
  }
}
