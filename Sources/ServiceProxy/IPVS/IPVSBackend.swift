internal import Addressing
internal import ClusterModel
internal import Glibc
internal import Linux
internal import Netlink

/// Services as virtual services of IPVS, their addresses on a dummy link, and a small nftables table beside.
final class IPVSBackend: ServiceBackend {
  /// As kube-proxy's link is called: what looks for a node's addresses knows to pass it over.
  static let link = "kube-ipvs0"

  let filter: NFTablesSocket
  let ipvs: IPVSSocket
  let routes: RouteSocket
  let namespace: NetworkNamespace?
  private let scheduler: IPVSScheduler
  private var context: IPVSEntries.Context
  /// The dummy link's index.
  private var index: Int32 = 0
  /// How many frontends want an address on the dummy link.
  private var addressUses: [IPAddress: Int] = [:]
  var held: Set<IPVSService.Key> = []
  /// Destinations that take no new connections and go when their last one has ended.
  var draining: [IPVSService.Key: Set<Target>] = [:]

  init(_ scheduler: IPVSScheduler, namespace: NetworkNamespace?) throws {
    do { ipvs = try Self.open(namespace) } catch {
      throw ServiceBackendError(
        description: "this kernel has no IPVS, or may not load it (module ip_vs): \(error); choose "
          + "--services-backend nftables or iptables")
    }
    filter = try NFTablesSocket(namespace: namespace)
    routes = try RouteSocket(namespace: namespace)
    self.namespace = namespace
    self.scheduler = scheduler
    context = .init(scheduler: scheduler, nodeAddresses: [], ownAddresses: [])
  }

  /// The kernel loads the module for `ipvsadm`, not for generic netlink.
  private static func open(_ namespace: NetworkNamespace?) throws -> IPVSSocket {
    do { return try IPVSSocket(namespace: namespace) } catch let error as NetlinkError where error.code == ENOENT {
      _ = try? ChildProcess.run(["modprobe", "ip_vs"], timeout: 30)
      return try IPVSSocket(namespace: namespace)
    }
  }

  var generations: UInt32? { filter.commits }

  // MARK: The node

  /// Settings that IPVS needs here: connections are tracked, so that sources can be translated; what leads to a
  /// destination that is gone ends, and a client remembered for one that drains may have another.
  private func prepare() throws {
    for name in ["conntrack", "expire_nodest_conn", "expire_quiescent_template"] {
      let path = "net/ipv4/vs/\(name)"
      if try Sysctl.read(path, in: namespace) != "1" { try Sysctl.write(path, "1", in: namespace) }
    }
    if let found = try routes.link(.name(Self.link)) {
      index = found.index
    } else {
      try routes.perform(RouteRequest.addLink(kind: "dummy", .init(name: Self.link, isUp: true)))
      index = try routes.link(.name(Self.link))?.index ?? 0
    }
  }

  private func readContext(_ configuration: ServiceProxyConfiguration) throws -> IPVSEntries.Context {
    let own = try routes.addresses().filter { $0.interface != index && $0.scope < 253 }.map(\.address)
    let serving = own.filter { address in configuration.servingRanges.contains { $0.contains(address) } }
    return .init(scheduler: scheduler, nodeAddresses: Set(serving), ownAddresses: Set(own))
  }

  // MARK: All

  func repair(_ model: inout ServiceModel) throws {
    try prepare()
    context = try readContext(model.configuration)
    addressUses = [:]
    var elements: Set<IPVSEntries.Element> = []
    var wanted: [IPVSService.Key: (service: IPVSService, targets: [Target])] = [:]
    for (key, frontend) in model.state.frontends {
      let entries = IPVSEntries(key, frontend, context)
      elements.formUnion(entries.elements)
      for service in entries.services { wanted[service.key] = (service, entries.targets) }
      for address in entries.addresses { addressUses[address, default: 0] += 1 }
    }
    elements.formUnion(addressUses.keys.map { IPVSEntries.element($0) })
    elements.formUnion(model.state.hairpinUses.keys.map { IPVSEntries.hairpin($0) })
    try repairFilter(elements, &model)

    let found = try ipvs.services()
    // Also those at addresses of the node that serve no NodePorts any more.
    let before = held
    held = []
    draining = [:]
    for service in found {
      held.insert(service.key)
      if wanted[service.key] == nil {
        if try before.contains(service.key) || isOurs(service.key, model.configuration) {
          try remove(service.key, &model)
        } else {
          held.remove(service.key)
        }
      }
    }
    let services = Dictionary(found.map { ($0.key, $0) }) { first, _ in first }
    for (key, entry) in wanted {
      try put(entry.service, found: services[key], &model)
      let destinations = services[key] == nil ? [] : try ipvs.destinations(of: key)
      try put(entry.targets, key, destinations, &model)
    }
    try repairAddresses(&model)
  }

  /// Others may use IPVS too: ours are at addresses that only Services give, or at the node's own.
  private func isOurs(_ key: IPVSService.Key, _ configuration: ServiceProxyConfiguration) throws -> Bool {
    if configuration.serviceRanges.contains(where: { $0.contains(key.address) }) { return true }
    if context.nodeAddresses.contains(key.address) { return true }
    return try routes.addresses(interface: index).contains { $0.address == key.address }
  }

  private func repairAddresses(_ model: inout ServiceModel) throws {
    let found = Set(try routes.addresses(interface: index).filter { $0.scope < 253 }.map(\.address))
    let wanted = Set(addressUses.keys)
    try changeAddresses(add: wanted.subtracting(found), remove: found.subtracting(wanted), &model)
  }

  private func changeAddresses(
    add: some Collection<IPAddress>, remove: some Collection<IPAddress>, _ model: inout ServiceModel
  ) throws {
    func entry(_ address: IPAddress) -> InterfaceAddress {
      // Without duplicate address detection, which a dummy link cannot answer.
      InterfaceAddress(interface: index, address, prefixLength: address.family.bits, flags: 0x02)
    }
    if add.isEmpty, remove.isEmpty { return }
    try routes.perform(
      add.map { RouteRequest.addAddress(entry($0)) }
        + remove.map { RouteRequest.deleteAddress(entry($0)).accepting(EADDRNOTAVAIL) })
    model.statistics.elements += add.count + remove.count
  }

  // MARK: The table beside

  private func repairFilter(_ wanted: Set<IPVSEntries.Element>, _ model: inout ServiceModel) throws {
    var batch = NFTablesBatch()
    var contents: [IPVSLayout.SetID: [NFElement]] = [:]
    for entry in wanted { contents[entry.set, default: []].append(entry.element) }
    for family in IPFamily.allCases {
      for (ranges, kind) in [
        (model.configuration.localPodRanges, IPVSLayout.SetKind.nodePods),
        (model.configuration.serviceRanges, .serviceRange),
      ] {
        contents[.init(kind, family)] = ranges.distinct(family).flatMap { NFElement.interval($0) }
      }
    }
    let isThere = try filter.signature(of: IPVSLayout.table) == IPVSLayout.definition.signature
    if !isThere {
      batch.ensureAbsent(IPVSLayout.table)
      batch.add(IPVSLayout.definition)
      model.statistics.replacements += 1
    }
    var count = 0
    for id in IPVSLayout.SetID.all {
      let (new, old) = (
        Set(contents[id] ?? []), Set(isThere ? try filter.elements(of: id.name, in: IPVSLayout.table) : [])
      )
      let (gone, missing) = (old.subtracting(new), new.subtracting(old))
      batch.delete(Array(gone), from: id.name, of: IPVSLayout.table)
      batch.add(Array(missing), to: id.name, of: IPVSLayout.table)
      count += gone.count + missing.count
    }
    if batch.isEmpty { return }
    try filter.commit(batch)
    model.statistics.commits += 1
    model.statistics.elements += count
  }

  // MARK: One change

  func apply(_ changes: ServiceChanges, _ model: inout ServiceModel) throws {
    var (gone, come): (Set<IPVSEntries.Element>, Set<IPVSEntries.Element>) = ([], [])
    var (old, new): ([IPVSEntries], [IPVSEntries]) = ([], [])
    for (key, change) in changes.frontends where change.old != change.new {
      if let frontend = change.old { old.append(IPVSEntries(key, frontend, context)) }
      if let frontend = change.new { new.append(IPVSEntries(key, frontend, context)) }
    }
    var (added, removed): (Set<IPAddress>, Set<IPAddress>) = ([], [])
    for entries in new {
      come.formUnion(entries.elements)
      for address in entries.addresses {
        addressUses[address, default: 0] += 1
        if addressUses[address] == 1 { added.insert(address) }
      }
    }
    for entries in old {
      gone.formUnion(entries.elements)
      for address in entries.addresses {
        let count = addressUses[address] ?? 0
        addressUses[address] = count > 1 ? count - 1 : nil
        if count == 1, added.remove(address) == nil { removed.insert(address) }
      }
    }
    come.formUnion(added.map { IPVSEntries.element($0) })
    gone.formUnion(removed.map { IPVSEntries.element($0) })
    come.formUnion(changes.hairpins.added.map { IPVSEntries.hairpin($0) })
    gone.formUnion(changes.hairpins.removed.map { IPVSEntries.hairpin($0) })
    try commit(come.subtracting(gone), gone.subtracting(come), &model)
    let kept = Set(new.flatMap(\.services).map(\.key))
    let known = Dictionary(old.flatMap(\.services).map { ($0.key, $0) }) { first, _ in first }
    for key in known.keys where !kept.contains(key) { try remove(key, &model) }
    for entries in new {
      for service in entries.services {
        let found = known[service.key]
        try put(service, found: found, &model)
        try put(entries.targets, service.key, found == nil ? [] : try ipvs.destinations(of: service.key), &model)
      }
    }
    try changeAddresses(add: added, remove: removed, &model)
  }

  private func commit(
    _ come: Set<IPVSEntries.Element>, _ gone: Set<IPVSEntries.Element>, _ model: inout ServiceModel
  ) throws {
    var batch = NFTablesBatch()
    for (set, entries) in Dictionary(grouping: gone, by: \.set) {
      batch.delete(entries.map(\.element), from: set.name, of: IPVSLayout.table)
    }
    for (set, entries) in Dictionary(grouping: come, by: \.set) {
      batch.add(entries.map(\.element), to: set.name, of: IPVSLayout.table)
    }
    if batch.isEmpty { return }
    try filter.commit(batch)
    model.statistics.commits += 1
    model.statistics.elements += come.count + gone.count
  }

  func isNodeAddress(_ address: IPAddress) -> Bool { context.nodeAddresses.contains(address) }
}
