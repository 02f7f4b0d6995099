package import JSON

/// An amount of a resource (apimachinery `resource.Quantity`): `500m`, `1.5Gi`, `1e3`. Exact to a billionth; what is
/// finer counts as the next whole one.
package struct Quantity: Hashable, Comparable, Sendable {
  /// Billionths.
  private let nanos: Int128

  private init(nanos: Int128) { self.nanos = nanos }

  package static let one = Quantity(nanos: 1_000_000_000)

  /// A string, or a number as YAML may have it; nil for anything that is no quantity.
  package init?(_ json: JSON) {
    switch json {
    case .string(let text): self.init(text)
    case .int(let number): self.init(nanos: Int128(number) * 1_000_000_000)
    case .double(let number): self.init("\(number)")
    default: return nil
    }
  }

  /// A number with an optional sign and fraction, then a binary (`Ki` to `Ei`) or decimal (`n` to `E`) suffix or an
  /// exponent; nil for other text. Beyond 10²⁹ the largest amount there is, as apimachinery has one too.
  package init?(_ text: String) {
    var rest = Substring(text).utf8
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
    let number = rest.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
    let parts = number.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1].count : 0
    guard parts.count <= 2, number.count > parts.count - 1,
      let suffix = Self.suffix(Substring(rest[number.endIndex...]))
    else { return nil }
    var magnitude: Int128 = 0
    for digit in number where digit != UInt8(ascii: ".") {
      magnitude = Self.sum(Self.product(magnitude, 10), Int128(digit - 0x30))
    }
    let whole = Self.product(magnitude, Int128(1) << suffix.two)
    let nanos = Self.scaled(whole, by: suffix.ten - fraction + 9)
    self.init(nanos: isNegative ? -nanos : nanos)
  }

  /// In thousandths, rounded up, and never more than 10¹⁸.
  package var thousandths: Int {
    let magnitude = min((nanos.magnitude + 999_999) / 1_000_000, 1_000_000_000_000_000_000)
    return nanos < 0 ? -Int(magnitude) : Int(magnitude)
  }

  /// As `resourceFieldRef` gives it: divided, rounded up to a whole number; 0 for a divisor that is not positive.
  package func divided(by divisor: Quantity) -> Int64 {
    guard divisor.nanos > 0 else { return 0 }
    let (quotient, remainder) = nanos.quotientAndRemainder(dividingBy: divisor.nanos)
    return Int64(clamping: quotient + (remainder > 0 ? 1 : 0))
  }

  package var isPositive: Bool { nanos > 0 }

  package static func < (left: Self, right: Self) -> Bool { left.nanos < right.nanos }

  /// The powers of two and of ten that a suffix stands for.
  private static func suffix(_ text: Substring) -> (two: Int, ten: Int)? {
    switch text {
    case "": return (0, 0)
    case "n": return (0, -9)
    case "u": return (0, -6)
    case "m": return (0, -3)
    case "k": return (0, 3)
    case "M": return (0, 6)
    case "G": return (0, 9)
    case "T": return (0, 12)
    case "P": return (0, 15)
    case "E": return (0, 18)
    case "Ki": return (10, 0)
    case "Mi": return (20, 0)
    case "Gi": return (30, 0)
    case "Ti": return (40, 0)
    case "Pi": return (50, 0)
    case "Ei": return (60, 0)
    default:
      guard let first = text.first, first == "e" || first == "E", let exponent = Int(text.dropFirst()) else {
        return nil
      }
      return (0, min(max(exponent, -1000), 1000))
    }
  }

  private static func sum(_ left: Int128, _ right: Int128) -> Int128 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
  }

  private static func product(_ left: Int128, _ right: Int128) -> Int128 {
    let (product, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow ? .max : product
  }

  /// Times a power of ten, rounded up.
  private static func scaled(_ value: Int128, by power: Int) -> Int128 {
    var value = value
    if value == 0 { return 0 }
    for _ in 0..<max(power, 0) { value = product(value, 10) }
    var isExact = true
    for _ in 0..<max(-power, 0) where value > 0 {
      isExact = isExact && value.isMultiple(of: 10)
      value /= 10
    }
    return isExact ? value : value + 1
  }
}
