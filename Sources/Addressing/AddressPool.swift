/// Which numbers of a prefix are taken: a bitmap with a cursor.
///
/// An item is an address, or with `itemLength` a subnet of that length. Taking the next free one costs the distance to it;
/// the cursor moves on, so that what was freed is not given out again at once.
package struct AddressPool: Sendable {
  package let prefix: Prefix
  /// The prefix length of one item; 32 or 128 for addresses.
  package let itemLength: Int
  /// How many items there are.
  package let capacity: Int
  /// How many of them are taken.
  package private(set) var count = 0

  private var words: [UInt64]
  private var cursor = 0

  /// How many items a pool may have: a bitmap of 2 MiB.
  package static let largestCapacity = 1 << 24

  /// A pool of the items of a prefix. Of a larger prefix the first `largestCapacity` items are used. Nil if an item would
  /// be larger than the prefix or smaller than an address.
  package init?(_ prefix: Prefix, itemLength: Int? = nil) {
    let length = itemLength ?? prefix.family.bits
    guard (prefix.length...prefix.family.bits).contains(length) else { return nil }
    self.prefix = prefix
    self.itemLength = length
    let bits = length - prefix.length
    capacity = bits >= 24 ? Self.largestCapacity : 1 << bits
    words = Array(repeating: 0, count: (capacity + 63) / 64)
  }

  package var isFull: Bool { count == capacity }

  /// The item at an index.
  package func item(at index: Int) -> Prefix { prefix.subnet(length: itemLength, at: UInt128(index))! }

  /// The index of the item that an address lies in; nil outside the pool.
  package func index(of address: IPAddress) -> Int? {
    guard prefix.contains(address) else { return nil }
    let offset = (address.number - prefix.address.number) >> UInt128(prefix.family.bits - itemLength)
    return offset < UInt128(capacity) ? Int(offset) : nil
  }

  /// Whether the address with this index in the range is handed out.
  package func isTaken(_ index: Int) -> Bool { words[index / 64] & (1 << UInt64(index % 64)) != 0 }

  /// Takes one item; false if it is taken already.
  @discardableResult
  package mutating func take(_ index: Int) -> Bool {
    guard !isTaken(index) else { return false }
    words[index / 64] |= 1 << UInt64(index % 64)
    count += 1
    return true
  }

  /// Takes every item that overlaps a prefix, for ranges that others use. Returns how many were free.
  @discardableResult
  package mutating func reserve(_ other: Prefix) -> Int {
    guard prefix.overlaps(other) else { return 0 }
    let first = other.contains(prefix) ? 0 : index(of: other.first)
    guard let first else { return 0 }
    let last = other.contains(prefix) ? capacity - 1 : index(of: other.last) ?? capacity - 1
    return (first...last).reduce(0) { $0 + (take($1) ? 1 : 0) }
  }

  /// Frees an item; false if it was free.
  @discardableResult
  package mutating func release(_ index: Int) -> Bool {
    guard isTaken(index) else { return false }
    words[index / 64] &= ~(1 << UInt64(index % 64))
    count -= 1
    return true
  }

  /// Takes the next free item after the last one that was taken this way, going around; nil if the pool is full.
  package mutating func takeNext() -> Int? {
    guard let index = firstFree(in: cursor..<capacity) ?? firstFree(in: 0..<cursor) else { return nil }
    take(index)
    cursor = index + 1 == capacity ? 0 : index + 1
    return index
  }

  /// The first free item in a range, going around inside it from `start`; nil if there is none.
  package func firstFree(in range: Range<Int>, startingAt start: Int? = nil) -> Int? {
    let range = range.clamped(to: 0..<capacity)
    if let start, range.contains(start) {
      return firstFree(in: start..<range.upperBound) ?? firstFree(in: range.lowerBound..<start)
    }
    var index = range.lowerBound
    while index < range.upperBound {
      let free = ~words[index / 64] >> UInt64(index % 64)
      if free != 0 {
        let found = index + free.trailingZeroBitCount
        return found < range.upperBound ? found : nil
      }
      index = (index / 64 + 1) * 64
    }
    return nil
  }
}
