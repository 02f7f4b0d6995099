internal import Glibc

/// A moment in UTC, as the API writes it (RFC 3339): `Time` with seconds, `MicroTime` with microseconds.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Since 1970-01-01T00:00:00Z, without leap seconds.
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package init(seconds: Int64) { nanoseconds = seconds * 1_000_000_000 }

  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Seconds since 1970, rounded down.
  package var seconds: Int64 { nanoseconds.floorDivided(by: 1_000_000_000) }

  /// `2026-01-31T12:00:00Z`.
  package var description: String { text(fraction: "") }

  /// `2026-01-31T12:00:00.000000Z`, as Leases carry it.
  package var microDescription: String {
    let rest = nanoseconds % 1_000_000_000
    let micros = String((rest < 0 ? rest + 1_000_000_000 : rest) / 1000)
    return text(fraction: "." + String(repeating: "0", count: 6 - micros.count) + micros)
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
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
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
        bytes[position + 3] == UInt8(ascii: ":"), let minutes = number(position + 4..<position + 6)
      else { return nil }
      offset = (hours * 60 + minutes) * (bytes[position] == UInt8(ascii: "-") ? -60 : 60)
      position += 6
    default: return nil
    }
    guard position == bytes.count else { return nil }
    let seconds = Self.days(year: year, month: month, day: day) * 86400 + Int64(hour * 3600 + minute * 60 + second)
    // Nanoseconds in 64 bits reach from 1677 to 2262; a time beyond is the first or last one there is.
    let (whole, overflowed) = (seconds - Int64(offset)).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflowedAgain) = whole.addingReportingOverflow(fraction)
    nanoseconds = overflowed || overflowedAgain ? (seconds < 0 ? .min : .max) : sum
  }

  package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  /// A later moment, or an earlier one; the last or first one there is where the sum is beyond it.
  package func adding(seconds: Double) -> Timestamp {
    let added = seconds * 1e9
    let clamped = Int64(exactly: added.rounded(.towardZero)) ?? (added < 0 ? .min : .max)
    let (sum, overflowed) = nanoseconds.addingReportingOverflow(clamped)
    return Timestamp(nanoseconds: overflowed ? (clamped < 0 ? .min : .max) : sum)
  }

  /// Seconds from an earlier moment to this one.
  package func since(_ earlier: Timestamp) -> Double {
    let (difference, overflowed) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return overflowed ? Double(nanoseconds) / 1e9 - Double(earlier.nanoseconds) / 1e9 : Double(difference) / 1e9
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
