/// Puts targets into slots so that as few elements change as can be: a target that stays keeps its slot, unless the slot
/// is beyond the new count; new ones, and those that lost theirs, fill the holes in order.
func arrange(_ wanted: [Target], current: (Int) -> Target?, currentCount: Int) -> [Target] {
  let count = min(wanted.count, TargetChoice.limit)
  var free = Set(wanted.prefix(count))
  var slots = [Target?](repeating: nil, count: count)
  for slot in 0..<min(count, currentCount) {
    if let target = current(slot), free.remove(target) != nil { slots[slot] = target }
  }
  // A closure, not `filter(free.contains)`: Swift 6.3.1 spills the 16-byte aligned argument of a method reference to an
  // unaligned stack slot and crashes.
  var rest = wanted.prefix(count).filter { free.contains($0) }.makeIterator()
  return slots.map { slot in
    if let slot { return slot }
    guard let next = rest.next() else { preconditionFailure("targets are not distinct") }
    return next
  }
}
