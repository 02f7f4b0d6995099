internal import Glibc

/// A moment in UTC, as the API writes it (RFC 3339): `Time` with seconds, `MicroTime` with microseconds.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Since 1970-01-01T00:00:00Z, without leap seconds, rounded down.
  package let seconds: Int64
  /// Beyond `seconds`: 0 to 999,999,999.
  private let nanosecond: Int64

  /// What RFC 3339 can write: the years 0 to 9999, in seconds since 1970.
  package static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

  /// A moment outside `range` becomes the nearest inside.
  package init(seconds: Int64, nanoseconds: Int64 = 0) {
    let carry = nanoseconds.floorDivided(by: 1_000_000_000)
    let (total, overflow) = seconds.addingReportingOverflow(carry)
    self.seconds = min(max(overflow ? seconds : total, Self.range.lowerBound), Self.range.upperBound)
    let rest = nanoseconds % 1_000_000_000
    nanosecond = rest < 0 ? rest + 1_000_000_000 : rest
  }

  /// Since 1970, as `nanoseconds` gives it.
  package init(nanoseconds: Int64) { self.init(seconds: 0, nanoseconds: nanoseconds) }

  /// Since 1970; beyond the years 1678 to 2262 the nearest 64 bits can hold.
  package var nanoseconds: Int64 {
    Int64(clamping: Int128(seconds) * 1_000_000_000 + Int128(nanosecond))
  }

  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }

  /// `2026-01-31T12:00:00Z`.
  package var description: String { text(fraction: "") }

  /// `2026-01-31T12:00:00.000000Z`, as Leases carry it.
  package var microDescription: String {
    let micros = String(nanosecond / 1000)
    return text(fraction: "." + String(repeating: "0", count: 6 - micros.count) + micros)
  }

  /// `2026-01-31T12:00:00.000000000Z`, as it stands before a container's lines.
  package var nanoDescription: String {
    let nanos = String(nanosecond)
    return text(fraction: "." + String(repeating: "0", count: 9 - nanos.count) + nanos)
  }

  private func text(fraction: String) -> String {
    let days = seconds.floorDivided(by: 86400)
    let second = Int(seconds - days * 86400)
    let (year, month, day) = Self.date(days: days)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let yearText = String(year)
    return String(repeating: "0", count: max(0, 4 - yearText.count)) + yearText
      + "-\(two(month))-\(two(day))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))\(fraction)Z"
  }

  /// Parses RFC 3339 with any number of fraction digits and any offset; nil for anything else.
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20 else { return nil }
    func number(_ range: Range<Int>) -> Int? {
      var value = 0
      for index in range {
        guard index < bytes.count, (0x30...0x39).contains(bytes[index]) else { return nil }
        value = value * 10 + Int(bytes[index] - 0x30)
      }
      return value
    }
    guard let year = number(0..<4), bytes[4] == UInt8(ascii: "-"), let month = number(5..<7),
      bytes[7] == UInt8(ascii: "-"), let day = number(8..<10), bytes[10] | 0x20 == UInt8(ascii: "t"),
      let hour = number(11..<13), bytes[13] == UInt8(ascii: ":"), let minute = number(14..<16),
      bytes[16] == UInt8(ascii: ":"), let second = number(17..<19),
      (1...12).contains(month), hour < 24, minute < 60, second <= 60,
      case let date = Self.date(days: Self.days(year: year, month: month, day: day)), date.month == month,
      date.day == day
    else { return nil }
    var position = 19
    var fraction: Int64 = 0
    if bytes[position] == UInt8(ascii: ".") {
      position += 1
      var scale: Int64 = 100_000_000
      let start = position
      while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
        fraction += Int64(bytes[position] - 0x30) * scale
        scale /= 10
        position += 1
      }
      guard position > start else { return nil }
    }
    guard position < bytes.count else { return nil }
    var offset = 0
    switch bytes[position] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"): position += 1
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard let hours = number(position + 1..<position + 3), position + 3 < bytes.count,
        bytes[position + 3] == UInt8(ascii: ":"), let minutes = number(position + 4..<position + 6), hours < 24,
        minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * (bytes[position] == UInt8(ascii: "-") ? -60 : 60)
      position += 6
    default: return nil
    }
    guard position == bytes.count else { return nil }
    let seconds = Self.days(year: year, month: month, day: day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
    guard Self.range.contains(seconds - Int64(offset)) else { return nil }
    self.init(seconds: seconds - Int64(offset), nanoseconds: fraction)
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.seconds, left.nanosecond) < (right.seconds, right.nanosecond)
  }

  package func adding(seconds added: Double) -> Timestamp {
    let whole = added.rounded(.down)
    // This many seconds lead beyond the calendar in either direction.
    return Timestamp(
      seconds: seconds + Int64(min(max(whole, -1e12), 1e12)), nanoseconds: nanosecond + Int64((added - whole) * 1e9))
  }

  /// Seconds from an earlier moment to this one.
  package func since(_ earlier: Timestamp) -> Double {
    Double(seconds - earlier.seconds) + Double(nanosecond - earlier.nanosecond) / 1e9
  }

  /// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in eras of 400 years that begin in March.
  private static func days(year: Int, month: Int, day: Int) -> Int64 {
    let year = Int64(month <= 2 ? year - 1 : year)
    let era = year.floorDivided(by: 400)
    let yearOfEra = year - era * 400
    let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
  }

  private static func date(days: Int64) -> (year: Int64, month: Int, day: Int) {
    let shifted = days + 719468
    let era = shifted.floorDivided(by: 146097)
    let dayOfEra = shifted - era * 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = Int((5 * dayOfYear + 2) / 153)
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, Int(dayOfYear) - (153 * shiftedMonth + 2) / 5 + 1)
  }
}

extension Int64 {
  fileprivate func floorDivided(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
