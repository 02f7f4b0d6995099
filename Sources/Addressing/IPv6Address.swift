/// An IPv6 address, without a zone.
package struct IPv6Address: Hashable, Comparable, Sendable {
  // Two halves, not one UInt128: that is aligned to 16 bytes, which makes every address with something beside it, an IPv4
  // address too, 32 bytes instead of 24. An agent holds hundreds of thousands of them.
  private var high: UInt64
  private var low: UInt64

  /// The address as a number in host order.
  package var rawValue: UInt128 {
    get { UInt128(high) << 64 | UInt128(low) }
    set { (high, low) = (UInt64(truncatingIfNeeded: newValue >> 64), UInt64(truncatingIfNeeded: newValue)) }
  }

  package init(rawValue: UInt128) {
    high = UInt64(truncatingIfNeeded: rawValue >> 64)
    low = UInt64(truncatingIfNeeded: rawValue)
  }

  /// The sixteen bytes in network order.
  package var bytes: [UInt8] { (0..<16).map { UInt8(truncatingIfNeeded: rawValue >> (120 - 8 * $0)) } }

  /// The eight groups of 16 bits.
  var groups: [UInt16] { (0..<8).map { UInt16(truncatingIfNeeded: rawValue >> (112 - 16 * $0)) } }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension IPv6Address: LosslessStringConvertible, CustomStringConvertible {
  /// Nil where `init(parsing:)` throws.
  package init?(_ text: String) { try? self.init(parsing: text) }

  /// Any form of RFC 4291 section 2.2, the mixed form with dotted IPv4 included; zones are refused.
  package init(parsing text: String) throws(AddressError) {
    try self.init(bytes: Array(text.utf8)[...], of: text)
  }

  init(bytes: ArraySlice<UInt8>, of text: String) throws(AddressError) {
    var head: [UInt16] = []
    var tail: [UInt16]?
    var gap = bytes.startIndex  // where '::' stands
    var index = bytes.startIndex
    func at(_ index: Int, _ character: Unicode.Scalar) -> Bool {
      index < bytes.endIndex && bytes[index] == UInt8(ascii: character)
    }
    func count() -> Int { head.count + (tail?.count ?? 0) }
    func append(_ group: UInt16) { if tail == nil { head.append(group) } else { tail!.append(group) } }
    if at(index, ":") {
      guard at(index + 1, ":") else {
        throw AddressError(text, at: index, "an IPv6 address cannot begin with one ':'")
      }
      tail = []
      index += 2
    }
    while index < bytes.endIndex {
      let start = index
      var group: UInt32 = 0
      while index < bytes.endIndex, let digit = hexDigit(bytes[index]) {
        guard index - start < 4 else { throw AddressError(text, at: index, "more than four digits in a group") }
        group = group << 4 | UInt32(digit)
        index += 1
      }
      if at(index, "."), index > start {
        guard count() <= 6 else {
          throw AddressError(text, at: start, "no room for an embedded IPv4 address: more than six groups before it")
        }
        let embedded = try IPv4Address(bytes: bytes[start...], of: text)
        append(UInt16(embedded.rawValue >> 16))
        append(UInt16(embedded.rawValue & 0xFFFF))
        index = bytes.endIndex
        break
      }
      guard index > start else { throw AddressError(text, at: index, "expected hexadecimal digits") }
      guard count() < 8 else { throw AddressError(text, at: start, "more than eight groups") }
      append(UInt16(group))
      guard index < bytes.endIndex else { break }
      guard at(index, ":") else {
        throw AddressError(text, at: index, "expected ':' or the end of an IPv6 address")
      }
      index += 1
      if at(index, ":") {
        guard tail == nil else { throw AddressError(text, at: index, "'::' may stand only once") }
        tail = []
        gap = index - 1
        index += 1
      } else if index == bytes.endIndex {
        throw AddressError(text, at: index - 1, "an IPv6 address cannot end with one ':'")
      }
    }
    if let tail {
      guard head.count + tail.count < 8 else {
        throw AddressError(text, at: gap, "'::' must stand for at least one group, found eight beside it")
      }
      head += repeatElement(0, count: 8 - head.count - tail.count) + tail
    }
    guard head.count == 8 else {
      throw AddressError(text, at: bytes.endIndex, "found \(head.count) groups, expected eight or '::'")
    }
    self.init(rawValue: head.reduce(0) { $0 << 16 | UInt128($1) })
  }

  /// The canonical form of RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as
  /// `::`, IPv4-mapped addresses in mixed form.
  package var description: String {
    let groups = self.groups
    if rawValue >> 32 == 0xFFFF { return "::ffff:\(IPv4Address(rawValue: UInt32(truncatingIfNeeded: rawValue)))" }
    var best = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > max(best.count, 1) { best = start..<end }
      start = max(end, start + 1)
    }
    func text(_ groups: ArraySlice<UInt16>) -> String {
      groups.map { String($0, radix: 16) }.joined(separator: ":")
    }
    if best.isEmpty { return text(groups[...]) }
    return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
  }
}

func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
