internal import Addressing

/// Hands out pod ranges of one size from one cluster range, next fit. Pure.
///
/// A range that was given back comes again last, so that a vanished node's addresses rest for a while.
struct PodRangeAllocator {
  let clusterRange: Prefix
  /// Length of the ranges handed out.
  let length: Int
  private var taken: Set<UInt128> = []
  /// Index of the range to try first.
  private var cursor: UInt128 = 0

  init(clusterRange: Prefix, length: Int) {
    self.clusterRange = clusterRange
    self.length = length
  }

  /// How many ranges there are; at most 2^16, as in Kubernetes.
  var capacity: UInt128 { length < clusterRange.length ? 0 : 1 << UInt128(min(length - clusterRange.length, 16)) }
  var isFull: Bool { UInt128(taken.count) >= capacity }

  /// Marks every range that overlaps `prefix` as taken; what lies outside the cluster range is ignored.
  mutating func occupy(_ prefix: Prefix) {
    guard let indexes = indexes(of: prefix) else { return }
    taken.formUnion(indexes)
  }

  mutating func release(_ prefix: Prefix) {
    guard let indexes = indexes(of: prefix) else { return }
    taken.subtract(indexes)
  }

  /// The next free range, now taken; nil when all are.
  mutating func allocate() -> Prefix? {
    guard !isFull else { return nil }
    while taken.contains(cursor) { cursor = (cursor + 1) % capacity }
    let index = cursor
    taken.insert(index)
    cursor = (cursor + 1) % capacity
    return clusterRange.subnet(length: length, at: index)
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
