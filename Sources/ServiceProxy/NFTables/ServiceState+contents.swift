internal import Addressing
package import Netlink

extension ServiceState {
  /// Moves targets to the slots the kernel has them in, where it has them, so that what is there stays as it is.
  mutating func adoptSlots(from held: HeldSlots) {
    for (key, slots) in held.frontends {
      guard let frontend = frontends[key] else { continue }
      let inside = frontend.inside.targets
      if slots.inside != inside {
        frontends[key]?.inside.targets = arrange(
          inside, current: { $0 < slots.inside.count ? slots.inside[$0] : nil }, currentCount: inside.count)
      }
      guard let outside = frontend.outside?.targets, slots.outside != outside else { continue }
      frontends[key]?.outside?.targets = arrange(
        outside, current: { $0 < slots.outside.count ? slots.outside[$0] : nil }, currentCount: outside.count)
    }
  }

  /// What differs between the slots the kernel has in a set and those it shall have.
  func differences(from held: HeldSlots, _ changes: inout ElementChanges) {
    for element in held.strange { changes.record(held.set, old: element, new: nil) }
    for (key, frontend) in frontends where ServicesLayout.slots(of: key) == held.set {
      let found = held.frontends[key]
      changes.record(key, from: 0, found?.inside ?? [], frontend.inside.targets)
      changes.record(key, from: ServicesLayout.outsideSlot, found?.outside ?? [], frontend.outside?.targets ?? [])
    }
    for (key, found) in held.frontends where frontends[key] == nil {
      changes.record(key, from: 0, found.inside, [])
      changes.record(key, from: ServicesLayout.outsideSlot, found.outside, [])
    }
  }

  /// Every element the table shall hold.
  package func elements(_ configuration: ServiceProxyConfiguration) -> [ServicesLayout.SetID: [NFElement]] {
    var elements: [ServicesLayout.SetID: [NFElement]] = [:]
    forEachSlot { elements[$0, default: []] += $1 }
    forEachOther(configuration) { elements[$0, default: []] += $1 }
    return elements
  }

  /// The slots, a frontend at a time.
  func forEachSlot(_ body: (ServicesLayout.SetID, [NFElement]) -> Void) {
    for (key, frontend) in frontends {
      let set = ServicesLayout.slots(of: key)
      if !frontend.inside.targets.isEmpty {
        body(set, ServicesLayout.elements(key, from: 0, frontend.inside.targets))
      }
      guard let outside = frontend.outside?.targets, !outside.isEmpty else { continue }
      body(set, ServicesLayout.elements(key, from: ServicesLayout.outsideSlot, outside))
    }
  }

  /// The elements of all other sets.
  func forEachOther(
    _ configuration: ServiceProxyConfiguration, _ body: (ServicesLayout.SetID, [NFElement]) -> Void
  ) {
    for (key, frontend) in frontends {
      for (set, element) in ServicesLayout.elements(key, frontend) { body(set, [element]) }
    }
    for (uses, kind) in [(addressUses, ServicesLayout.SetKind.clusterAddresses), (hairpinUses, .hairpin)] {
      for address in uses.keys { body(.init(kind, address.family), [ServicesLayout.element(address, kind)]) }
    }
    for family in IPFamily.allCases {
      for (ranges, kind) in [
        (configuration.localPodRanges, ServicesLayout.SetKind.nodePods), (configuration.serviceRanges, .serviceRange),
        (configuration.servingRanges, .nodePortAddresses),
      ] {
        body(.init(kind, family), ranges.distinct(family).flatMap { NFElement.interval($0) })
      }
    }
  }
}
