package import Addressing

/// Prefixes with their owners, in order, so that what overlaps a prefix is found without looking at the rest: O(log n)
/// and the number of those that do. (A change moves the array's tail, a copy of memory.)
package struct PrefixIndex: Sendable {
  package struct Entry: Hashable, Sendable, Comparable {
    package var owner: String
    package var prefix: Prefix

    package init(owner: String, prefix: Prefix) {
      self.owner = owner
      self.prefix = prefix
    }

    package static func < (left: Self, right: Self) -> Bool {
      left.prefix != right.prefix ? left.prefix < right.prefix : left.owner < right.owner
    }
  }

  /// Sorted by address, then from the widest to the narrowest, then by owner.
  private var entries: [Entry] = []
  /// How many entries have a length, by family: few lengths are in use, and only those need be asked for.
  private var lengths: [IPFamily: [Int: Int]] = [:]

  package init() {}

  package var count: Int { entries.count }

  package mutating func insert(_ prefix: Prefix, owner: String) {
    let entry = Entry(owner: owner, prefix: prefix)
    let position = firstPosition { $0 < entry }
    if position < entries.count, entries[position] == entry { return }
    entries.insert(entry, at: position)
    lengths[prefix.family, default: [:]][prefix.length, default: 0] += 1
  }

  package mutating func remove(_ prefix: Prefix, owner: String) {
    let entry = Entry(owner: owner, prefix: prefix)
    let position = firstPosition { $0 < entry }
    guard position < entries.count, entries[position] == entry else { return }
    entries.remove(at: position)
    let left = (lengths[prefix.family]?[prefix.length] ?? 1) - 1
    lengths[prefix.family]?[prefix.length] = left == 0 ? nil : left
  }

  /// Everything that has an address in common with a prefix, in order of length for those that contain it, then in order
  /// of address for those inside it.
  package func overlapping(_ prefix: Prefix) -> [Entry] {
    var found: [Entry] = []
    // Two prefixes overlap only if one contains the other. Those that contain it begin with one of its own shorter forms.
    for length in (lengths[prefix.family] ?? [:]).keys.sorted() where length < prefix.length {
      let wider = Prefix(prefix.address, length: length)
      found += run(from: wider) { $0.prefix == wider }
    }
    // Those inside it begin where it begins, or later, until its last address.
    found += run(from: prefix) { $0.prefix.family == prefix.family && $0.prefix.address <= prefix.last }
    return found
  }

  private func run(from prefix: Prefix, while condition: (Entry) -> Bool) -> ArraySlice<Entry> {
    entries[firstPosition { $0.prefix < prefix }...].prefix(while: condition)
  }

  /// The position of the first entry for which `isBefore` is false.
  private func firstPosition(_ isBefore: (Entry) -> Bool) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if isBefore(entries[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
