internal import Glibc

/// Moments as the API writes them (RFC 3339, UTC).
package enum APITime {
  /// Seconds since 1970.
  package static func now() -> Int { time(nil) }

  package static func text(_ seconds: Int) -> String {
    let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let rest = seconds - days * 86_400
    // Days to a date of the proleptic Gregorian calendar, counted from 0000-03-01 in eras of 400 years.
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    let yearText = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
    return "\(yearText)-\(two(month))-\(two(day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  /// With microseconds, as Lease and Event times are written.
  package static func microText(_ seconds: Int, nanoseconds: Int) -> String {
    let micros = String(nanoseconds / 1000)
    return text(seconds).dropLast() + "." + String(repeating: "0", count: 6 - micros.count) + micros + "Z"
  }

  /// The moments that RFC 3339 can write: years 0 to 9999, seconds since 1970.
  package static let range = -62_167_219_200...253_402_300_799

  /// Seconds since 1970 of an RFC 3339 text; nil if it is none, or outside `range` in UTC. Fractions are dropped.
  package static func seconds(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20 else { return nil }
    func number(_ start: Int, _ count: Int) -> Int? {
      bytes[start..<(start + count)].reduce(Int?(0)) { total, byte in
        guard let total, (0x30...0x39).contains(byte) else { return nil }
        return total * 10 + Int(byte - 0x30)
      }
    }
    guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
      let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month),
      (1...Self.days(in: month, of: year)).contains(day),
      bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54 || bytes[10] == 0x20, hour < 24, minute < 60, second < 61
    else { return nil }
    var index = 19
    if bytes[index] == 0x2E {
      index += 1
      guard index < bytes.count, (0x30...0x39).contains(bytes[index]) else { return nil }
      while index < bytes.count, (0x30...0x39).contains(bytes[index]) { index += 1 }
    }
    guard index < bytes.count else { return nil }
    var offset = 0
    if bytes[index] == 0x5A || bytes[index] == 0x7A {
      guard bytes.count == index + 1 else { return nil }
    } else {
      guard bytes[index] == 0x2B || bytes[index] == 0x2D, bytes.count == index + 6, bytes[index + 3] == 0x3A,
        let hours = number(index + 1, 2), let minutes = number(index + 4, 2), hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * 60 * (bytes[index] == 0x2D ? -1 : 1)
    }
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let seconds = ((era * 146_097 + dayOfEra - 719_468) * 24 + hour) * 3600 + minute * 60 + second - offset
    return range.contains(seconds) ? seconds : nil
  }

  private static func days(in month: Int, of year: Int) -> Int {
    if month == 2 { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28 }
    return [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// How long something took or is ago, as kubectl writes it: 119s, 2m5s, 179m, 3h3m, 47h, 2d2h, 729d.
  package static func duration(_ seconds: Int) -> String {
    if seconds < 0 { return seconds < -1 ? "<invalid>" : "0s" }
    if seconds < 120 { return "\(seconds)s" }
    let minutes = seconds / 60
    if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
    if minutes < 180 { return "\(minutes)m" }
    let hours = minutes / 60
    if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
    if hours < 48 { return "\(hours)h" }
    if hours < 192 { return hours % 24 == 0 ? "\(hours / 24)d" : "\(hours / 24)d\(hours % 24)h" }
    if hours < 24 * 365 * 2 { return "\(hours / 24)d" }
    let days = hours / 24
    if days < 365 * 8 { return days % 365 == 0 ? "\(days / 365)y" : "\(days / 365)y\(days % 365)d" }
    return "\(days / 365)y"
  }
}
