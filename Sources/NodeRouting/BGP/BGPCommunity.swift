/// A tag of announced routes: a standard community (RFC 1997) of two 16-bit numbers or a large one (RFC 8092) of three
/// 32-bit numbers.
package enum BGPCommunity: Hashable, Comparable, Sendable, CustomStringConvertible {
  case standard(UInt16, UInt16)
  case large(UInt32, UInt32, UInt32)

  /// `64512:100` or `64512:1:2`; nil for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt32(part) : nil
    }
    guard let first = parts[0], parts.count > 1, let second = parts[1] else { return nil }
    switch parts.count {
    case 2:
      guard let high = UInt16(exactly: first), let low = UInt16(exactly: second) else { return nil }
      self = .standard(high, low)
    case 3:
      guard let third = parts[2] else { return nil }
      self = .large(first, second, third)
    default: return nil
    }
  }

  package var description: String {
    switch self {
    case .standard(let high, let low): "\(high):\(low)"
    case .large(let first, let second, let third): "\(first):\(second):\(third)"
    }
  }
}
