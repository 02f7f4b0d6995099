internal import Netlink

/// What the kernel holds in a set of slots, by frontend. With 100,000 slots that are as they should be, nothing is kept of
/// each but its target.
struct HeldSlots {
  struct Slots {
    /// Target i is in slot i; nil is a hole.
    var inside: [Target?] = []
    var outside: [Target?] = []

    fileprivate mutating func put(_ target: Target, at slot: Int) {
      if slot < ServicesLayout.outsideSlot {
        Self.put(target, at: slot, &inside)
      } else {
        Self.put(target, at: slot - ServicesLayout.outsideSlot, &outside)
      }
    }

    private static func put(_ target: Target, at slot: Int, _ slots: inout [Target?]) {
      while slots.count <= slot { slots.append(nil) }
      slots[slot] = target
    }
  }

  let set: ServicesLayout.SetID
  private(set) var frontends: [FrontendKey: Slots] = [:]
  /// Elements that are no slot of ours.
  private(set) var strange: [NFElement] = []

  init(_ set: ServicesLayout.SetID) { self.set = set }

  mutating func take(_ element: NFElement) {
    guard element.keyEnd == nil, element.timeout == nil, element.comment == nil,
      let (key, slot, target) = ServicesLayout.slot(element, set), slot < Int(ServicesLayout.slotNumbers)
    else {
      strange.append(element)
      return
    }
    frontends[key, default: Slots()].put(target, at: slot)
  }
}
