internal import Addressing

/// Hands out pod ranges of one size from one cluster range, next fit. Pure.
///
/// A range that was given back comes again last, so that a vanished node's addresses rest for a while.
struct PodRangeAllocator {
  let clusterRange: Prefix
  /// Length of the ranges handed out.
  let length: Int
  /// How many hold a range. Two nodes may claim one, and a node's may lie in a Service range: it is free when nobody is left.
  private var holders: [UInt128: Int] = [:]
  private var taken = NumberSet()
  /// Index of the range to try first.
  private var cursor: UInt128 = 0

  init(clusterRange: Prefix, length: Int) {
    self.clusterRange = clusterRange
    self.length = length
  }

  /// How many ranges there are; at most 2^16, as in Kubernetes.
  var capacity: UInt128 { length < clusterRange.length ? 0 : 1 << UInt128(min(length - clusterRange.length, 16)) }
  var isFull: Bool { UInt128(taken.count) >= capacity }
  /// How many ranges are held.
  var count: Int { taken.count }

  /// Holds every range that overlaps `prefix`, once more; what lies outside the cluster range is ignored.
  mutating func occupy(_ prefix: Prefix) {
    guard let indexes = indexes(of: prefix) else { return }
    for index in indexes {
      holders[index, default: 0] += 1
      taken.insert(index)
    }
  }

  /// Takes back one `occupy` or `allocate`.
  mutating func release(_ prefix: Prefix) {
    guard let indexes = indexes(of: prefix) else { return }
    for index in indexes {
      let count = (holders[index] ?? 0) - 1
      holders[index] = count > 0 ? count : nil
      if count <= 0 { taken.remove(index) }
    }
  }

  /// The next free range, now held; nil when all are.
  mutating func allocate() -> Prefix? {
    guard !isFull, capacity > 0 else { return nil }
    var found = taken.firstFree(in: cursor...(capacity - 1))
    if found == nil, cursor > 0 { found = taken.firstFree(in: 0...(cursor - 1)) }
    guard let found, let prefix = clusterRange.subnet(length: length, at: found) else { return nil }
    holders[found] = 1
    taken.insert(found)
    cursor = (found + 1) % capacity
    return prefix
  }

  /// The ranges that overlap a prefix, which may be wider or narrower than a range.
  private func indexes(of prefix: Prefix) -> ClosedRange<UInt128>? {
    guard capacity > 0, prefix.overlaps(clusterRange) else { return nil }
    if prefix.contains(clusterRange) { return 0...(capacity - 1) }
    let shift = UInt128(clusterRange.family.bits - length)
    let first = (prefix.first.number - clusterRange.first.number) >> shift
    guard first < capacity else { return nil }
    return first...min((prefix.last.number - clusterRange.first.number) >> shift, capacity - 1)
  }
}
