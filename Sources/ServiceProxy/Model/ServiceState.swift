package import Addressing
package import ClusterModel

/// What the kernel shall hold, whatever the back end, with the slot every target has. An update touches one Service and
/// answers with the frontends that change; nothing here walks all Services.
package struct ServiceState {
  package struct Frontend: Hashable, Sendable {
    package var owner: NamespacedName
    package var role: FrontendRole
    package var comment: String
    /// Target i is in slot i.
    package var inside: TargetChoice
    /// Target i is in slot i of those for clients outside.
    package var outside: TargetChoice?
    package var draining: [Target]
    package var affinityTimeout: Int?
    package var sourceRanges: [Prefix]?

    /// Whether an established UDP flow to a target may stay.
    func keeps(_ target: Target) -> Bool {
      inside.targets.contains(target) || outside?.targets.contains(target) == true || draining.contains(target)
    }
  }
  private struct Known {
    var addresses: [IPAddress]
    var keys: [FrontendKey]
  }

  package let localPodRanges: [Prefix]
  package internal(set) var frontends: [FrontendKey: Frontend] = [:]
  private var services: [NamespacedName: Known] = [:]
  /// Frontends that two Services ask for: the first by name has it, the others wait here. Rare: the API server gives an
  /// address once, but a deletion may be seen after the next creation, and anyone may write an external address.
  private var contended: [FrontendKey: [NamespacedName: WantedFrontend]] = [:]
  private(set) var addressUses: [IPAddress: Int] = [:]
  /// This node's pods that are targets, and how many frontends lead to each.
  private(set) var hairpinUses: [IPAddress: Int] = [:]

  package init(localPodRanges: [Prefix]) { self.localPodRanges = localPodRanges }

  /// The same frontends for other ranges of local pods, which decide on hairpin elements only.
  init(copying other: ServiceState, localPodRanges: [Prefix]) {
    self.localPodRanges = localPodRanges
    (frontends, services, contended) = (other.frontends, other.services, other.contended)
    (addressUses, healthChecks) = (other.addressUses, other.healthChecks)
    for frontend in frontends.values {
      for target in frontend.targets where isLocal(target) { hairpinUses[target.address, default: 0] += 1 }
    }
  }

  mutating func reserveCapacity(_ services: Int) {
    self.services.reserveCapacity(services)
    frontends.reserveCapacity(services)
    addressUses.reserveCapacity(services)
  }

  package var serviceCount: Int { services.count }

  /// What load balancers may ask this node, by the Service.
  package private(set) var healthChecks: [NamespacedName: CompiledService.HealthCheck] = [:]

  /// Frontends that more than one Service asks for, with those that wait.
  package var conflicts: [FrontendKey: [NamespacedName]] { contended.mapValues { $0.keys.sorted() } }

  /// Replaces what one Service asks for; nil removes it.
  mutating func update(_ id: NamespacedName, to wanted: CompiledService?, _ changes: inout ServiceChanges) {
    let known = services[id]
    for key in known?.keys ?? [] where wanted?.frontends[key] == nil { give(up: key, of: id, &changes) }
    for (key, frontend) in wanted?.frontends ?? [:] { claim(key, frontend, for: id, &changes) }
    // New uses before old ones, so that an address both times never counts down to zero.
    for address in wanted?.addresses ?? [] { use(address, &changes) }
    for address in known?.addresses ?? [] { release(address, &changes) }
    services[id] = wanted.flatMap { wanted in
      wanted.addresses.isEmpty
        ? nil
        : Known(addresses: wanted.addresses, keys: Array(wanted.frontends.keys))
    }
    if healthChecks[id] != wanted?.healthCheck { healthChecks[id] = wanted?.healthCheck }
  }

  private mutating func claim(
    _ key: FrontendKey, _ wanted: WantedFrontend, for id: NamespacedName, _ changes: inout ServiceChanges
  ) {
    if let other = frontends[key], other.owner != id {
      if other.owner < id {
        contended[key, default: [:]][id] = wanted
        return
      }
      contended[key, default: [:]][other.owner] = WantedFrontend(other)
    }
    withdrawClaim(key, of: id)
    set(key, Frontend(wanted, owner: id), &changes)
  }

  private mutating func give(up key: FrontendKey, of id: NamespacedName, _ changes: inout ServiceChanges) {
    withdrawClaim(key, of: id)
    guard frontends[key]?.owner == id else { return }
    if let (next, wanted) = contended[key]?.min(by: { $0.key < $1.key }) {
      withdrawClaim(key, of: next)
      set(key, Frontend(wanted, owner: next), &changes)
    } else {
      set(key, nil, &changes)
    }
  }

  private mutating func withdrawClaim(_ key: FrontendKey, of id: NamespacedName) {
    guard contended[key] != nil else { return }
    contended[key]?[id] = nil
    if contended[key]?.isEmpty == true { contended[key] = nil }
  }

  /// Puts a frontend into place, or takes it away, and records which elements that changes.
  private mutating func set(_ key: FrontendKey, _ wanted: Frontend?, _ changes: inout ServiceChanges) {
    let old = frontends[key]
    var new = wanted
    new?.inside.targets.settle(from: old?.inside.targets)
    new?.outside?.targets.settle(from: old?.outside?.targets)
    if old == new { return }
    changes.record(key, old: old, new: new)
    for target in new?.targets ?? [] where isLocal(target) {
      hairpinUses[target.address, default: 0] += 1
      if hairpinUses[target.address] == 1 { changes.hairpins.record(target.address, isPresent: true) }
    }
    for target in old?.targets ?? [] where isLocal(target) {
      if hairpinUses.release(target.address) { changes.hairpins.record(target.address, isPresent: false) }
    }
    frontends[key] = new
  }

  private func isLocal(_ target: Target) -> Bool { localPodRanges.contains { $0.contains(target.address) } }

  private mutating func use(_ address: IPAddress, _ changes: inout ServiceChanges) {
    addressUses[address, default: 0] += 1
    if addressUses[address] == 1 { changes.addresses.record(address, isPresent: true) }
  }

  private mutating func release(_ address: IPAddress, _ changes: inout ServiceChanges) {
    if addressUses.release(address) { changes.addresses.record(address, isPresent: false) }
  }

  /// The frontends a Service has, in order; those it asks for and another has are not among them.
  package func frontends(of id: NamespacedName) -> [(key: FrontendKey, value: Frontend)] {
    (services[id]?.keys ?? []).sorted().compactMap { key in
      frontends[key].flatMap { $0.owner == id ? (key, $0) : nil }
    }
  }
}

extension [IPAddress: Int] {
  /// Takes one use away; true if it was the last.
  fileprivate mutating func release(_ address: IPAddress) -> Bool {
    let count = self[address] ?? 0
    self[address] = count > 1 ? count - 1 : nil
    return count == 1
  }
}

extension [Target] {
  /// Takes the slots that targets have already.
  fileprivate mutating func settle(from current: [Target]?) {
    guard let current, !current.isEmpty else {
      if count > TargetChoice.limit { removeLast(count - TargetChoice.limit) }
      return
    }
    self = arrange(self, current: { current[$0] }, currentCount: current.count)
  }
}
