internal import Addressing
package import ClusterModel
internal import Glibc
internal import Synchronization

/// The cluster's names. A writer replaces single keys; an update costs what changed, and no reader ever waits for more
/// than one key's replacement.
package final class ClusterZone: Sendable {
  /// Why a namespace exists.
  private struct Namespaces {
    /// How many Services, pods and declarations name it.
    var counts: [String: Int] = [:]
    var declared: Set<String> = []
  }

  /// The zone's name, `cluster.local`.
  let zone: DomainName
  /// The names in its SOA record.
  let nameServer: DomainName
  let mailbox: DomainName
  /// `svc.<zone>`, the parent of namespaces.
  let services: DomainName
  private let records = NameTable<ServiceRecords>(shards: 64)
  private let namespaces = NameTable<String>(shards: 16)
  private let reverse = ReverseIndex()
  private let pods = PodIndex()
  let programming = ProgrammingTimes()
  /// One writer at a time, so that what is taken out and put in belong together.
  private let writer = Mutex(Namespaces())
  private let synced = Atomic(false)
  private let changed = Atomic<UInt32>(0)

  package init(zone: DomainName) {
    self.zone = zone
    nameServer = DomainName.nameServer.below(zone) ?? zone
    mailbox = DomainName.mailbox.below(zone) ?? zone
    services = DomainName(validWire: [3] + "svc".utf8 + zone.wire)
    touch()
  }

  /// All objects have been seen once. Before that a name that is not there gets SERVFAIL, not NXDOMAIN.
  package var isSynced: Bool { synced.load(ordering: .acquiring) }

  /// Unix seconds of the last change: the serial of the SOA record.
  var serial: UInt32 { changed.load(ordering: .relaxed) }

  private func touch() { changed.store(UInt32(truncatingIfNeeded: time(nil)), ordering: .relaxed) }

  // MARK: writing

  /// Makes the zone hold exactly these objects, replacing only what differs, and marks it as synced. `namespaces` are
  /// those known to exist beside the ones that Services and pods name.
  package func replaceAll(
    _ services: [ServiceWithEndpoints], pods: some Sequence<Pod>, namespaces: some Sequence<String>
  ) {
    var kept: Set<NamespacedName> = []
    for service in services {
      kept.insert(service.service.id)
      update(service: service.service.id, to: service)
    }
    for records in allServices where !kept.contains(records.id) { update(service: records.id, to: nil) }
    var keptPods: Set<NamespacedName> = []
    for pod in pods {
      keptPods.insert(pod.id)
      update(pod: pod.id, to: pod)
    }
    for (id, _) in self.pods.pods where !keptPods.contains(id) { update(pod: id, to: nil) }
    let wanted = Set(namespaces)
    let declared = writer.withLock { $0.declared }
    for name in declared.subtracting(wanted) { update(namespace: name, exists: false) }
    for name in wanted { update(namespace: name, exists: true) }
    synced.store(true, ordering: .releasing)
  }

  /// Replaces one Service's records; nil removes them.
  package func update(service id: NamespacedName, to value: ServiceWithEndpoints?) {
    guard let own = ServiceRecords.name(id, zone: zone) else { return }
    let new = value.flatMap { ServiceRecords($0, zone: zone) }
    writer.withLock { names in
      let old = records.set(Array(own.wire[..<Int(own.labels[2])]), new)
      reverse.replace(old, by: new)
      if old == nil, new != nil { count(id.namespace, &names) }
      if new == nil, old != nil { discount(id.namespace, &names) }
      touch()
      programming.measure(old, new)
    }
  }

  /// Replaces what is known of a pod; nil, a pod without addresses and one that has ended remove it.
  package func update(pod id: NamespacedName, to pod: Pod?) {
    let addresses = pod.map { $0.isTerminal ? [] : $0.addresses } ?? []
    writer.withLock { names in
      let (has, had) = pods.set(id, addresses)
      if has, !had { count(id.namespace, &names) }
      if had, !has { discount(id.namespace, &names) }
      touch()
    }
  }

  /// Says that a namespace exists even while it holds neither Services nor pods.
  package func update(namespace: String, exists: Bool) {
    writer.withLock { names in
      if exists {
        if names.declared.insert(namespace).inserted { count(namespace, &names) }
      } else if names.declared.remove(namespace) != nil {
        discount(namespace, &names)
      }
    }
  }

  private func count(_ namespace: String, _ names: inout Namespaces) {
    names.counts[namespace, default: 0] += 1
    if names.counts[namespace] == 1 { namespaces.set(namespace.utf8.map(Wire.lower), namespace) }
  }

  private func discount(_ namespace: String, _ names: inout Namespaces) {
    guard let count = names.counts[namespace] else { return }
    names.counts[namespace] = count > 1 ? count - 1 : nil
    if count == 1 { namespaces.set(namespace.utf8.map(Wire.lower), nil) }
  }

  // MARK: reading

  /// The Service whose labels `svc.ns` stand in a name, in lower-case wire form.
  func service(_ key: UnsafeBufferPointer<UInt8>) -> ServiceRecords? { records.find(key) }

  func hasNamespace(_ label: UnsafeBufferPointer<UInt8>) -> Bool { namespaces.find(label) != nil }

  func hasPod(namespace label: UnsafeBufferPointer<UInt8>, address: IPAddress) -> Bool {
    pods.contains(label, address)
  }

  /// Who has an address; a cluster address wins over an endpoint.
  func pointer(_ address: IPAddress) -> ReverseIndex.Claim? { reverse.find(address) }

  /// Every Service, in no order.
  var allServices: [ServiceRecords] { records.values }

  /// Every pod that has addresses, in no order.
  var allPods: [(id: NamespacedName, addresses: [IPAddress])] { pods.pods }
}

extension DomainName {
  /// `ns.dns` and `hostmaster`, which stand before a zone in its SOA record.
  static let nameServer = DomainName(validWire: [2] + "ns".utf8 + [3] + "dns".utf8 + [0])
  static let mailbox = DomainName(validWire: [10] + "hostmaster".utf8 + [0])
}
