package import Addressing
package import ClusterModel
internal import Netlink

/// What the table shall hold, with the slot every target has. An update touches one Service and answers with the elements
/// that change; nothing here walks all Services.
package struct ServiceState {
  package struct Frontend: Hashable, Sendable {
    package var owner: NamespacedName
    package var comment: String
    /// Target i is in slot i.
    package var inside: TargetChoice
    /// Target i is in slot `ServicesLayout.outsideSlot` + i.
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
    var healthCheck: CompiledService.HealthCheck?
  }

  package let localPodRanges: [Prefix]
  package internal(set) var frontends: [FrontendKey: Frontend] = [:]
  private var services: [NamespacedName: Known] = [:]
  /// Frontends that two Services ask for: the first by name has it, the others wait here. Rare: the API server gives an
  /// address once, but a deletion may be seen after the next creation, and anyone may write an external address.
  private var contended: [FrontendKey: [NamespacedName: WantedFrontend]] = [:]
  private(set) var addressUses: [IPAddress: Int] = [:]
  private(set) var hairpinUses: [IPAddress: Int] = [:]
  /// How many frontends are of each class.
  private(set) var classUses: [ServiceClass: Int] = [:]

  package init(localPodRanges: [Prefix]) { self.localPodRanges = localPodRanges }

  /// The same frontends for other ranges of local pods, which decide on hairpin elements only.
  init(copying other: ServiceState, localPodRanges: [Prefix]) {
    self.localPodRanges = localPodRanges
    (frontends, services, contended) = (other.frontends, other.services, other.contended)
    (addressUses, classUses) = (other.addressUses, other.classUses)
    for frontend in frontends.values {
      for target in frontend.targets where isLocal(target) { hairpinUses[target.address, default: 0] += 1 }
    }
  }

  package var classes: some Collection<ServiceClass> { classUses.keys }
  package var serviceCount: Int { services.count }

  /// What load balancers may ask this node, by the Service.
  package var healthChecks: [NamespacedName: CompiledService.HealthCheck] { services.compactMapValues(\.healthCheck) }

  /// Frontends that more than one Service asks for, with those that wait.
  package var conflicts: [FrontendKey: [NamespacedName]] { contended.mapValues { $0.keys.sorted() } }

  /// Replaces what one Service asks for; nil removes it.
  mutating func update(_ id: NamespacedName, to wanted: CompiledService?, _ changes: inout ElementChanges) {
    let known = services[id]
    for key in known?.keys ?? [] where wanted?.frontends[key] == nil { give(up: key, of: id, &changes) }
    for (key, frontend) in wanted?.frontends ?? [:] { claim(key, frontend, for: id, &changes) }
    // New uses before old ones, so that an address both times never counts down to zero.
    for address in wanted?.addresses ?? [] { use(\.addressUses, address, .clusterAddresses, &changes) }
    for address in known?.addresses ?? [] { release(\.addressUses, address, .clusterAddresses, &changes) }
    services[id] = wanted.flatMap { wanted in
      wanted.addresses.isEmpty
        ? nil
        : Known(
          addresses: wanted.addresses, keys: Array(wanted.frontends.keys), healthCheck: wanted.healthCheck)
    }
  }

  private mutating func claim(
    _ key: FrontendKey, _ wanted: WantedFrontend, for id: NamespacedName, _ changes: inout ElementChanges
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

  private mutating func give(up key: FrontendKey, of id: NamespacedName, _ changes: inout ElementChanges) {
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
  private mutating func set(_ key: FrontendKey, _ wanted: Frontend?, _ changes: inout ElementChanges) {
    let old = frontends[key]
    var new = wanted
    new?.inside.targets.settle(from: old?.inside.targets)
    new?.outside?.targets.settle(from: old?.outside?.targets)
    if old == new { return }
    if changes.isRecording { Self.record(key, old, new, &changes) }
    for target in new?.targets ?? [] where isLocal(target) { use(\.hairpinUses, target.address, .hairpin, &changes) }
    for target in old?.targets ?? [] where isLocal(target) {
      release(\.hairpinUses, target.address, .hairpin, &changes)
    }
    for one in new?.classes(key) ?? [] { classUses[one, default: 0] += 1 }
    for one in old?.classes(key) ?? [] {
      let count = classUses[one] ?? 0
      classUses[one] = count > 1 ? count - 1 : nil
    }
    frontends[key] = new
  }

  private static func record(
    _ key: FrontendKey, _ old: Frontend?, _ new: Frontend?, _ changes: inout ElementChanges
  ) {
    record(key, from: 0, old?.inside.targets ?? [], new?.inside.targets ?? [], &changes)
    record(
      key, from: ServicesLayout.outsideSlot, old?.outside?.targets ?? [], new?.outside?.targets ?? [], &changes)
    if let old {
      for (set, element) in ServicesLayout.elements(key, old) { changes.record(set, old: element, new: nil) }
    }
    if let new {
      for (set, element) in ServicesLayout.elements(key, new) { changes.record(set, old: nil, new: element) }
    }
    if key.transport == .udp {
      if old == nil, key.isNodePort { changes.opened.insert(key) }
      if let old, (old.targets + old.draining).contains(where: { new?.keeps($0) != true }) {
        changes.released.insert(key)
      }
    }
    if let old, old.affinityTimeout != nil {
      let kept = new?.affinityTimeout == nil ? [] : Set(new?.targets ?? [])
      if old.targets.contains(where: { !kept.contains($0) }) { changes.forgotten.insert(key) }
    }
  }

  private static func record(
    _ key: FrontendKey, from first: Int, _ old: [Target], _ new: [Target], _ changes: inout ElementChanges
  ) {
    for slot in 0..<max(new.count, old.count) {
      let (before, after) = (slot < old.count ? old[slot] : nil, slot < new.count ? new[slot] : nil)
      if before == after { continue }
      changes.record(
        ServicesLayout.slots(of: key), old: before.map { ServicesLayout.element(key, slot: first + slot, $0) },
        new: after.map { ServicesLayout.element(key, slot: first + slot, $0) })
    }
  }

  private func isLocal(_ target: Target) -> Bool { localPodRanges.contains { $0.contains(target.address) } }

  private mutating func use(
    _ uses: WritableKeyPath<Self, [IPAddress: Int]>, _ address: IPAddress, _ kind: ServicesLayout.SetKind,
    _ changes: inout ElementChanges
  ) {
    let count = self[keyPath: uses][address] ?? 0
    self[keyPath: uses][address] = count + 1
    if count == 0 { changes.record(.init(kind, address.family), old: nil, new: Self.element(address, kind)) }
  }

  private mutating func release(
    _ uses: WritableKeyPath<Self, [IPAddress: Int]>, _ address: IPAddress, _ kind: ServicesLayout.SetKind,
    _ changes: inout ElementChanges
  ) {
    let count = self[keyPath: uses][address] ?? 0
    self[keyPath: uses][address] = count > 1 ? count - 1 : nil
    if count == 1 { changes.record(.init(kind, address.family), old: Self.element(address, kind), new: nil) }
  }

  static func element(_ address: IPAddress, _ kind: ServicesLayout.SetKind) -> NFElement {
    kind == .hairpin ? ServicesLayout.hairpinElement(address) : NFElement(address.bytes)
  }
}

extension [Target] {
  /// Takes the slots that targets have already.
  fileprivate mutating func settle(from current: [Target]?) {
    let current = current ?? []
    self = arrange(self, current: { current[$0] }, currentCount: current.count)
  }
}
