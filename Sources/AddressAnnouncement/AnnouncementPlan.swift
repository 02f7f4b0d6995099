package import Addressing
package import ClusterModel

/// Which nodes may announce which addresses of load balancers, and in which order they stand. Pure; every node computes the
/// same from the same objects. A change of a Service costs what that Service has.
package struct AnnouncementPlan: Sendable {
  /// Nodes with this label are left out (KEP-1143).
  static let exclusionLabel = "node.kubernetes.io/exclude-from-external-load-balancers"

  private struct Entry: Hashable {
    var addresses: Set<IPAddress>
    /// With `externalTrafficPolicy: Local` the nodes with ready endpoints; nil for all nodes.
    var nodes: Set<String>?
  }

  private var entries: [NamespacedName: Entry] = [:]
  private var users: [IPAddress: Set<NamespacedName>] = [:]
  private var nodes: Set<String> = []

  package init() {}

  /// The Services that have such addresses.
  package var services: Set<NamespacedName> { Set(entries.keys) }
  /// Every address that somebody should announce.
  package var addresses: Set<IPAddress> { Set(users.keys) }

  /// Notes the nodes; returns whether that changes anything.
  package mutating func set(nodes list: some Sequence<Node>) -> Bool {
    let able = Set(list.filter { $0.isReady && !$0.isLeaving && $0.labels[Self.exclusionLabel] == nil }.map(\.name))
    defer { nodes = able }
    return able != nodes
  }

  /// Notes a Service, or with nil that it is gone; returns the addresses whose candidates may have changed.
  package mutating func set(_ id: NamespacedName, _ service: ServiceWithEndpoints?) -> Set<IPAddress> {
    let new = service.flatMap { Self.entry($0) }
    let old = entries[id]
    guard new != old else { return [] }
    entries[id] = new
    for address in old?.addresses ?? [] {
      users[address]?.remove(id)
      if users[address]?.isEmpty == true { users[address] = nil }
    }
    for address in new?.addresses ?? [] { users[address, default: []].insert(id) }
    return (old?.addresses ?? []).union(new?.addresses ?? [])
  }

  private static func entry(_ service: ServiceWithEndpoints) -> Entry? {
    guard service.service.kind == .loadBalancer, service.service.isAddressPooled,
      !service.service.loadBalancerAddresses.isEmpty
    else { return nil }
    var entry = Entry(addresses: Set(service.service.loadBalancerAddresses), nodes: nil)
    if service.service.isExternalTrafficLocal {
      entry.nodes = Set(service.slices.flatMap(\.endpoints).filter(\.isReady).compactMap(\.node))
    }
    return entry
  }

  /// The nodes that may announce an address, the preferred one first. Each address has an order of its own, so that
  /// addresses spread over the nodes, and a node that goes leaves its addresses to all others (rendezvous hashing).
  package func candidates(for address: IPAddress) -> [String] {
    var able = nodes
    for id in users[address] ?? [] { if let local = entries[id]?.nodes { able.formIntersection(local) } }
    guard users[address] != nil else { return [] }
    return able.map { (Self.weight($0, address), $0) }.sorted { $0 > $1 }.map(\.1)
  }

  /// FNV-1a (64 bits) with a final mix: the same on every node.
  private static func weight(_ node: String, _ address: IPAddress) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in Array(node.utf8) + [0] + address.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash ^= hash >> 33
    hash = hash &* 0xFF51_AFD7_ED55_8CCD
    return hash ^ hash >> 33
  }
}
