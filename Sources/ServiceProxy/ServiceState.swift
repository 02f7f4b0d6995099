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
    package var slots: [Target]
    package var withoutTargets: WantedFrontend.WithoutTargets
    package var draining: [Target]

    /// Whether an established UDP flow to a target may stay.
    func keeps(_ target: Target) -> Bool { slots.contains(target) || draining.contains(target) }
  }
  private struct Known {
    var addresses: [IPAddress]
    var keys: [FrontendKey]
  }

  package let localPodRanges: [Prefix]
  package internal(set) var frontends: [FrontendKey: Frontend] = [:]
  private var services: [NamespacedName: Known] = [:]
  /// Frontends that two Services ask for: the first by name has it, the others wait here. Rare: the API server gives an
  /// address once, but a deletion may be seen after the next creation.
  private var contended: [FrontendKey: [NamespacedName: WantedFrontend]] = [:]
  private(set) var addressUses: [IPAddress: Int] = [:]
  private(set) var hairpinUses: [IPAddress: Int] = [:]
  /// How many frontends have so many slots.
  private(set) var slotCountUses: [Int: Int] = [:]

  package init(localPodRanges: [Prefix]) { self.localPodRanges = localPodRanges }

  /// The same frontends for other ranges of local pods, which decide on hairpin elements only.
  init(copying other: ServiceState, localPodRanges: [Prefix]) {
    self.localPodRanges = localPodRanges
    (frontends, services, contended) = (other.frontends, other.services, other.contended)
    (addressUses, slotCountUses) = (other.addressUses, other.slotCountUses)
    for frontend in frontends.values {
      for target in frontend.slots where isLocal(target) { hairpinUses[target.address, default: 0] += 1 }
    }
  }

  package var slotCounts: some Collection<Int> { slotCountUses.keys }
  package var serviceCount: Int { services.count }

  /// Replaces what one Service asks for; nil removes it.
  mutating func update(_ id: NamespacedName, to wanted: CompiledService?, _ changes: inout ElementChanges) {
    let known = services[id]
    for key in known?.keys ?? [] where wanted?.frontends[key] == nil { give(up: key, of: id, &changes) }
    for (key, frontend) in wanted?.frontends ?? [:] { claim(key, frontend, for: id, &changes) }
    // New uses before old ones, so that an address both times never counts down to zero.
    for address in wanted?.addresses ?? [] { use(\.addressUses, address, .clusterAddresses, &changes) }
    for address in known?.addresses ?? [] { release(\.addressUses, address, .clusterAddresses, &changes) }
    services[id] = wanted.flatMap { wanted in
      wanted.addresses.isEmpty ? nil : Known(addresses: wanted.addresses, keys: Array(wanted.frontends.keys))
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
      var lost = WantedFrontend(comment: other.comment, targets: other.slots.sorted())
      (lost.withoutTargets, lost.draining) = (other.withoutTargets, other.draining)
      contended[key, default: [:]][other.owner] = lost
    }
    withdrawClaim(key, of: id)
    set(key, Frontend(wanted, owner: id), wanted.targets, &changes)
  }

  private mutating func give(up key: FrontendKey, of id: NamespacedName, _ changes: inout ElementChanges) {
    withdrawClaim(key, of: id)
    guard frontends[key]?.owner == id else { return }
    if let (next, wanted) = contended[key]?.min(by: { $0.key < $1.key }) {
      withdrawClaim(key, of: next)
      set(key, Frontend(wanted, owner: next), wanted.targets, &changes)
    } else {
      set(key, nil, [], &changes)
    }
  }

  private mutating func withdrawClaim(_ key: FrontendKey, of id: NamespacedName) {
    guard contended[key] != nil else { return }
    contended[key]?[id] = nil
    if contended[key]?.isEmpty == true { contended[key] = nil }
  }

  /// Puts a frontend into place, or takes it away, and records which elements that changes.
  private mutating func set(
    _ key: FrontendKey, _ frontend: Frontend?, _ targets: [Target], _ changes: inout ElementChanges
  ) {
    let old = frontends[key]
    let oldSlots = old?.slots ?? []
    var new = frontend
    new?.slots = arrange(targets, current: { oldSlots[$0] }, currentCount: oldSlots.count)
    if old == new { return }
    let slots = new?.slots ?? []
    if changes.isRecording { Self.record(key, old, new, &changes) }
    for target in slots where isLocal(target) { use(\.hairpinUses, target.address, .hairpin, &changes) }
    for target in oldSlots where isLocal(target) { release(\.hairpinUses, target.address, .hairpin, &changes) }
    if !slots.isEmpty { slotCountUses[slots.count, default: 0] += 1 }
    if !oldSlots.isEmpty {
      slotCountUses[oldSlots.count, default: 0] -= 1
      if slotCountUses[oldSlots.count] == 0 { slotCountUses[oldSlots.count] = nil }
    }
    frontends[key] = new
  }

  private static func record(
    _ key: FrontendKey, _ old: Frontend?, _ new: Frontend?, _ changes: inout ElementChanges
  ) {
    let family = key.address.family
    let (oldSlots, slots) = (old?.slots ?? [], new?.slots ?? [])
    for slot in 0..<max(slots.count, oldSlots.count) {
      let (before, after) = (slot < oldSlots.count ? oldSlots[slot] : nil, slot < slots.count ? slots[slot] : nil)
      if before == after { continue }
      changes.record(
        .init(.slots, family), old: before.map { ServicesLayout.element(key, slot: slot, $0) },
        new: after.map { ServicesLayout.element(key, slot: slot, $0) })
    }
    changes.record(
      .init(.frontends, family), old: old.map { ServicesLayout.element(key, $0) },
      new: new.map { ServicesLayout.element(key, $0) })
    if key.transport == .udp, let old, (old.slots + old.draining).contains(where: { new?.keeps($0) != true }) {
      changes.released.insert(key)
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

extension ServiceState.Frontend {
  fileprivate init(_ wanted: WantedFrontend, owner: NamespacedName) {
    self.init(
      owner: owner, comment: wanted.comment, slots: [], withoutTargets: wanted.withoutTargets,
      draining: wanted.draining)
  }
}
