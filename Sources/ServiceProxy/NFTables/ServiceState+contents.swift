internal import Addressing
package import Netlink

extension ServiceState {
  /// Moves targets to the slots the kernel has them in, where it has them, so that what is there stays as it is.
  mutating func adoptSlots(from held: [ServicesLayout.SetID: [NFElement]]) {
    var found: [FrontendKey: [Int: Target]] = [:]
    for kind in [ServicesLayout.SetKind.slots, .nodePortSlots] {
      for family in IPFamily.allCases {
        let set = ServicesLayout.SetID(kind, family)
        for element in held[set] ?? [] {
          guard let (key, slot, target) = ServicesLayout.slot(element, set) else { continue }
          found[key, default: [:]][slot] = target
        }
      }
    }
    for (key, slots) in found {
      guard let frontend = frontends[key] else { continue }
      let inside = frontend.inside.targets
      frontends[key]?.inside.targets = arrange(inside, current: { slots[$0] }, currentCount: inside.count)
      guard let outside = frontend.outside?.targets else { continue }
      frontends[key]?.outside?.targets = arrange(
        outside, current: { slots[ServicesLayout.outsideSlot + $0] }, currentCount: outside.count)
    }
  }

  /// Every element the table shall hold.
  package func elements(_ configuration: ServiceProxyConfiguration) -> [ServicesLayout.SetID: [NFElement]] {
    var elements: [ServicesLayout.SetID: [NFElement]] = [:]
    for (key, frontend) in frontends {
      let slots = ServicesLayout.slots(of: key)
      for (slot, target) in frontend.inside.targets.enumerated() {
        elements[slots, default: []].append(ServicesLayout.element(key, slot: slot, target))
      }
      for (slot, target) in (frontend.outside?.targets ?? []).enumerated() {
        elements[slots, default: []].append(
          ServicesLayout.element(key, slot: ServicesLayout.outsideSlot + slot, target))
      }
      for (set, element) in ServicesLayout.elements(key, frontend) { elements[set, default: []].append(element) }
    }
    for (uses, kind) in [(addressUses, ServicesLayout.SetKind.clusterAddresses), (hairpinUses, .hairpin)] {
      for address in uses.keys {
        elements[.init(kind, address.family), default: []].append(ServicesLayout.element(address, kind))
      }
    }
    for family in IPFamily.allCases {
      for (ranges, kind) in [
        (configuration.localPodRanges, ServicesLayout.SetKind.nodePods), (configuration.serviceRanges, .serviceRange),
        (configuration.servingRanges, .nodePortAddresses),
      ] {
        elements[.init(kind, family)] = ranges.distinct(family).flatMap { NFElement.interval($0) }
      }
    }
    return elements
  }
}
