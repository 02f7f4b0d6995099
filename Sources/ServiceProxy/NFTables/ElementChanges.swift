internal import Addressing
package import Netlink

/// Changes to elements, gathered so that the order they were found in does not matter: of each key, what the kernel holds
/// and what it shall hold.
package struct ElementChanges {
  private struct Change {
    var old: NFElement?
    var new: NFElement?
  }
  private var sets: [ServicesLayout.SetID: [[UInt8]: Change]] = [:]

  init() {}

  /// What a change of Services is in elements.
  package init(_ changes: ServiceChanges) {
    for (key, change) in changes.frontends where change.old != change.new { record(key, change.old, change.new) }
    for (addresses, kind) in [
      (changes.addresses, ServicesLayout.SetKind.clusterAddresses), (changes.hairpins, .hairpin),
    ] {
      for address in addresses.added { record(address, kind, isPresent: true) }
      for address in addresses.removed { record(address, kind, isPresent: false) }
    }
  }

  private mutating func record(_ address: IPAddress, _ kind: ServicesLayout.SetKind, isPresent: Bool) {
    let element = ServicesLayout.element(address, kind)
    record(.init(kind, address.family), old: isPresent ? nil : element, new: isPresent ? element : nil)
  }

  private mutating func record(_ key: FrontendKey, _ old: ServiceState.Frontend?, _ new: ServiceState.Frontend?) {
    record(key, from: 0, old?.inside.targets ?? [], new?.inside.targets ?? [])
    record(key, from: ServicesLayout.outsideSlot, old?.outside?.targets ?? [], new?.outside?.targets ?? [])
    if let old {
      for (set, element) in ServicesLayout.elements(key, old) { record(set, old: element, new: nil) }
    }
    if let new {
      for (set, element) in ServicesLayout.elements(key, new) { record(set, old: nil, new: element) }
    }
  }

  /// Slots of a frontend, numbered from `first`; nil is a hole.
  mutating func record(_ key: FrontendKey, from first: Int, _ old: [Target?], _ new: [Target]) {
    if old == new { return }
    for slot in 0..<max(new.count, old.count) {
      let (before, after) = (slot < old.count ? old[slot] : nil, slot < new.count ? new[slot] : nil)
      if before == after { continue }
      record(
        ServicesLayout.slots(of: key), old: before.map { ServicesLayout.element(key, slot: first + slot, $0) },
        new: after.map { ServicesLayout.element(key, slot: first + slot, $0) })
    }
  }

  package mutating func record(_ set: ServicesLayout.SetID, old: NFElement?, new: NFElement?) {
    guard let element = old ?? new else { return }
    // Where one range ends the next may begin: in an interval set these are two elements.
    let key = element.isIntervalEnd ? element.key + [1] : element.key
    if sets[set]?[key] != nil {
      sets[set]?[key]?.new = new
    } else {
      sets[set, default: [:]][key] = Change(old: old, new: new)
    }
  }

  /// What goes from a set and what comes to it; an element that changes is in both.
  package func differences(of set: ServicesLayout.SetID) -> (old: [NFElement], new: [NFElement]) {
    let changed = (sets[set] ?? [:]).values.filter { $0.old != $0.new }
    return (changed.compactMap(\.old), changed.compactMap(\.new))
  }

  /// What sets hold after the changes.
  func counts(after counts: SetCounts) -> SetCounts {
    var counts = counts
    for (id, changes) in sets {
      for change in changes.values { counts[id] += (change.new == nil ? 0 : 1) - (change.old == nil ? 0 : 1) }
    }
    return counts
  }

  /// Adds the differences to a batch: first everything that goes, then everything that comes. Returns the number of
  /// elements that go or come.
  @discardableResult
  func write(to batch: inout NFTablesBatch) -> Int {
    let changed = ServicesLayout.SetID.all.map { (name: $0.name, elements: differences(of: $0)) }
    for (name, elements) in changed { batch.delete(elements.old, from: name, of: ServicesLayout.table) }
    for (name, elements) in changed { batch.add(elements.new, to: name, of: ServicesLayout.table) }
    return changed.reduce(0) { $0 + $1.elements.old.count + $1.elements.new.count }
  }
}
