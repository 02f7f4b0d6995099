internal import Addressing
package import Netlink

extension ServiceState {
  /// Moves targets to the slots the kernel has them in, where it has them, so that what is there stays as it is.
  mutating func adoptSlots(from held: [ServicesLayout.SetID: [NFElement]]) {
    var found: [FrontendKey: [Int: Target]] = [:]
    for family in IPFamily.allCases {
      for element in held[.init(.slots, family)] ?? [] {
        guard let (key, slot, target) = ServicesLayout.slot(element, family) else { continue }
        found[key, default: [:]][slot] = target
      }
    }
    for (key, slots) in found {
      guard let wanted = frontends[key]?.slots else { continue }
      frontends[key]?.slots = arrange(wanted, current: { slots[$0] }, currentCount: wanted.count)
    }
  }

  /// Every element the table shall hold.
  package func elements(_ configuration: ServiceProxyConfiguration) -> [ServicesLayout.SetID: [NFElement]] {
    var elements: [ServicesLayout.SetID: [NFElement]] = [:]
    for (key, frontend) in frontends {
      let family = key.address.family
      elements[.init(.frontends, family), default: []].append(ServicesLayout.element(key, frontend))
      for (slot, target) in frontend.slots.enumerated() {
        elements[.init(.slots, family), default: []].append(ServicesLayout.element(key, slot: slot, target))
      }
    }
    for (uses, kind) in [(addressUses, ServicesLayout.SetKind.clusterAddresses), (hairpinUses, .hairpin)] {
      for address in uses.keys {
        elements[.init(kind, address.family), default: []].append(Self.element(address, kind))
      }
    }
    for family in IPFamily.allCases {
      for (ranges, kind) in [
        (configuration.localPodRanges, ServicesLayout.SetKind.nodePods), (configuration.serviceRanges, .serviceRange),
      ] {
        elements[.init(kind, family)] = ranges.distinct(family).flatMap { NFElement.interval($0) }
      }
    }
    return elements
  }
}
