/// Which numbers are taken, of ranges of any size: a bitmap that keeps only the words with a bit set.
///
/// Taking and asking cost one lookup; finding a free number costs one for each 64 taken neighbours in its way.
struct NumberSet: Sendable, Equatable {
  /// Words of 64 numbers, none of them zero, by number / 64.
  private var words: [UInt128: UInt64] = [:]
  /// How many numbers are taken.
  private(set) var count = 0

  func contains(_ number: UInt128) -> Bool { (words[number >> 6] ?? 0) & Self.bit(number) != 0 }

  /// Takes a number; false if it is taken already.
  @discardableResult
  mutating func insert(_ number: UInt128) -> Bool {
    guard !contains(number) else { return false }
    words[number >> 6, default: 0] |= Self.bit(number)
    count += 1
    return true
  }

  /// Frees a number; false if it was free.
  @discardableResult
  mutating func remove(_ number: UInt128) -> Bool {
    guard contains(number), let word = words[number >> 6] else { return false }
    let rest = word & ~Self.bit(number)
    words[number >> 6] = rest == 0 ? nil : rest
    count -= 1
    return true
  }

  /// The first free number of a range; nil if all are taken.
  func firstFree(in range: ClosedRange<UInt128>) -> UInt128? {
    var number = range.lowerBound
    while true {
      let free = ~(words[number >> 6] ?? 0) >> UInt64(number & 63)
      if free != 0 {
        let found = number + UInt128(free.trailingZeroBitCount)
        return found <= range.upperBound ? found : nil
      }
      guard number | 63 < range.upperBound else { return nil }
      number = (number | 63) + 1
    }
  }

  /// A free number of a range: the first from a random place upwards, going around; nil if all are taken.
  func anyFree(in range: ClosedRange<UInt128>) -> UInt128? {
    let start = UInt128.random(in: range)
    if let found = firstFree(in: start...range.upperBound) { return found }
    return start > range.lowerBound ? firstFree(in: range.lowerBound...(start - 1)) : nil
  }

  private static func bit(_ number: UInt128) -> UInt64 { 1 << UInt64(number & 63) }
}
