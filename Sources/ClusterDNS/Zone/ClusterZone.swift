internal import Addressing
package import ClusterModel
internal import Glibc
internal import Synchronization

/// The cluster's names. Readers take one immutable `ServiceRecords` out of a shard and let the lock go; a writer replaces
/// single keys. No reader ever waits for more than one key's replacement, and an update costs what changed.
package final class ClusterZone: Sendable {
  private final class Shard: Sendable {
    let services = Mutex<[Int: ServiceRecords]>([:])
  }

  /// Who claims an address in the reverse zone.
  private struct Pointer: Equatable {
    var service: NamespacedName
    var name: DomainName
    var isCluster: Bool
  }

  private struct Index {
    /// Claims of an address, the one that is answered first: cluster addresses before endpoints, then by name.
    var pointers: [IPAddress: [Pointer]] = [:]
    /// How many Services, pods and declarations say that a namespace exists.
    var namespaces: [String: Int] = [:]
    var declared: Set<String> = []
    var pods: [NamespacedName: [IPAddress]] = [:]
    /// How many pods of a namespace have an address.
    var podAddresses: [PodAddress: Int] = [:]
  }

  private struct PodAddress: Hashable {
    var namespace: String
    var address: IPAddress
  }

  /// The zone's name, `cluster.local`.
  let zone: DomainName
  /// The names in its SOA record.
  let nameServer: DomainName
  let mailbox: DomainName
  private let shards: [Shard]
  private let index = Mutex(Index())
  /// One writer at a time, so that what is taken out and put in belong together.
  private let writer = Mutex<Void>(())
  private let synced = Atomic(false)
  private let changed = Atomic<UInt32>(0)

  package init(zone: DomainName) {
    self.zone = zone
    nameServer = DomainName.nameServer.below(zone) ?? zone
    mailbox = DomainName.mailbox.below(zone) ?? zone
    shards = (0..<64).map { _ in Shard() }
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
    for shard in shards {
      let known = shard.services.withLock { services in services.values.flatMap(Self.chain).map(\.id) }
      for id in known where !kept.contains(id) { update(service: id, to: nil) }
    }
    var keptPods: Set<NamespacedName> = []
    for pod in pods {
      keptPods.insert(pod.id)
      update(pod: pod.id, to: pod)
    }
    for id in index.withLock({ Array($0.pods.keys) }) where !keptPods.contains(id) { update(pod: id, to: nil) }
    let wanted = Set(namespaces)
    let declared = index.withLock { $0.declared }
    for name in declared.subtracting(wanted) { update(namespace: name, exists: false) }
    for name in wanted { update(namespace: name, exists: true) }
    synced.store(true, ordering: .releasing)
  }

  /// Replaces one Service's records; nil removes them.
  package func update(service id: NamespacedName, to value: ServiceWithEndpoints?) {
    guard let own = ServiceRecords.name(id, zone: zone) else { return }
    writer.withLock { _ in
      let hash = own.withView { Self.hash($0.wire(0..<2)) }
      let shard = shards[hash & 63]
      let chain = shard.services.withLock { $0[hash].map(Self.chain) ?? [] }
      let old = chain.first { $0.id == id }
      let new = value.flatMap { ServiceRecords($0, zone: zone) }
      // Almost always one link; names with the same hash are linked anew.
      var head: ServiceRecords?
      for link in chain where link.id != id { head = link.linked(to: head) }
      if let new { head = new.linked(to: head) }
      shard.services.withLock { $0[hash] = head }
      index.withLock { Self.index(&$0, old: old, new: new) }
      touch()
    }
  }

  /// Replaces what is known of a pod; nil, a pod without addresses and one that has ended remove it.
  package func update(pod id: NamespacedName, to pod: Pod?) {
    let addresses = pod.map { $0.isTerminal ? [] : $0.addresses } ?? []
    index.withLock { index in
      let old = index.pods[id] ?? []
      if old == addresses { return }
      for address in addresses {
        index.podAddresses[PodAddress(namespace: id.namespace, address: address), default: 0] += 1
      }
      for address in old { Self.decrement(&index.podAddresses, PodAddress(namespace: id.namespace, address: address)) }
      if old.isEmpty { index.namespaces[id.namespace, default: 0] += 1 }
      if addresses.isEmpty { Self.decrement(&index.namespaces, id.namespace) }
      index.pods[id] = addresses.isEmpty ? nil : addresses
    }
    touch()
  }

  /// Says that a namespace exists even while it holds neither Services nor pods.
  package func update(namespace: String, exists: Bool) {
    index.withLock { index in
      if exists {
        if index.declared.insert(namespace).inserted { index.namespaces[namespace, default: 0] += 1 }
      } else if index.declared.remove(namespace) != nil {
        Self.decrement(&index.namespaces, namespace)
      }
    }
  }

  private static func decrement<Key>(_ counts: inout [Key: Int], _ key: Key) {
    guard let count = counts[key] else { return }
    counts[key] = count > 1 ? count - 1 : nil
  }

  private static func index(_ index: inout Index, old: ServiceRecords?, new: ServiceRecords?) {
    for pointer in old?.pointers ?? [] {
      index.pointers[pointer.address]?.removeAll { $0.service == old?.id }
      if index.pointers[pointer.address]?.isEmpty == true { index.pointers[pointer.address] = nil }
    }
    for pointer in new?.pointers ?? [] {
      guard let new else { break }
      let claim = Pointer(service: new.id, name: pointer.name, isCluster: pointer.isCluster)
      var claims = index.pointers[pointer.address] ?? []
      if claims.contains(claim) { continue }
      let place = claims.firstIndex {
        claim.isCluster != $0.isCluster ? claim.isCluster : claim.service < $0.service
      }
      claims.insert(claim, at: place ?? claims.endIndex)
      index.pointers[pointer.address] = claims
    }
    if old == nil, let new { index.namespaces[new.id.namespace, default: 0] += 1 }
    if new == nil, let old { decrement(&index.namespaces, old.id.namespace) }
  }

  // MARK: reading

  /// Keyed by a seed of this process, so that nobody can choose names that collide.
  private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: UnsafeRawBufferPointer(key))
    return hasher.finalize()
  }

  private static func chain(_ head: ServiceRecords) -> [ServiceRecords] {
    Array(sequence(first: head) { $0.next })
  }

  /// The Service whose labels `svc.ns` stand in a name, in lower-case wire form.
  func service(_ key: UnsafeBufferPointer<UInt8>) -> ServiceRecords? {
    let hash = Self.hash(key)
    var found = shards[hash & 63].services.withLock { $0[hash] }
    while let records = found {
      let isSame = records.key.withUnsafeBufferPointer {
        $0.count == key.count && memcmp($0.baseAddress!, key.baseAddress!, key.count) == 0
      }
      if isSame { return records }
      found = records.next
    }
    return nil
  }

  func hasNamespace(_ label: UnsafeBufferPointer<UInt8>) -> Bool {
    let name = String(decoding: label, as: UTF8.self)
    return index.withLock { $0.namespaces[name] != nil }
  }

  func hasPod(namespace label: UnsafeBufferPointer<UInt8>, address: IPAddress) -> Bool {
    let key = PodAddress(namespace: String(decoding: label, as: UTF8.self), address: address)
    return index.withLock { $0.podAddresses[key] != nil }
  }

  /// The name an address has; a cluster address wins over an endpoint.
  func pointer(_ address: IPAddress) -> DomainName? { index.withLock { $0.pointers[address]?.first?.name } }
}

extension DomainName {
  /// `ns.dns` and `hostmaster`, which stand before a zone in its SOA record.
  static let nameServer = DomainName(validWire: [2] + "ns".utf8 + [3] + "dns".utf8 + [0])
  static let mailbox = DomainName(validWire: [10] + "hostmaster".utf8 + [0])
}
