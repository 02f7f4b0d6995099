internal import Addressing

/// Text that is no record.
package struct RecordTextError: Error, Hashable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}

/// A record in presentation form: `owner [ttl] [IN] TYPE data`.
struct RecordText: Equatable {
  var owner: DomainName
  var ttl: UInt32
  var type: RecordType
  /// In wire form, names not compressed.
  var data: [UInt8]

  init(parsing text: String) throws(RecordTextError) {
    var words = try Self.words(text)[...]
    guard let first = words.popFirst() else { throw RecordTextError("an empty record") }
    owner = try Self.name(first)
    ttl = 3600
    while let word = words.first {
      if let seconds = UInt32(word) { ttl = seconds } else if word.uppercased() != "IN" { break }
      words.removeFirst()
    }
    guard let word = words.popFirst(), let type = RecordType(named: word) else {
      throw RecordTextError("\"\(text)\" names no type of record that is known here")
    }
    self.type = type
    data = try Self.data(type, Array(words), text)
  }

  private static func data(_ type: RecordType, _ words: [String], _ text: String) throws(RecordTextError) -> [UInt8] {
    func number(_ index: Int) throws(RecordTextError) -> [UInt8] {
      guard index < words.count, let value = UInt16(words[index]) else {
        throw RecordTextError("\"\(text)\": found no number where one should be")
      }
      return [UInt8(value >> 8), UInt8(value & 0xFF)]
    }
    func long(_ index: Int) throws(RecordTextError) -> [UInt8] {
      guard index < words.count, let value = UInt32(words[index]) else {
        throw RecordTextError("\"\(text)\": found no number where one should be")
      }
      return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    func name(_ index: Int) throws(RecordTextError) -> [UInt8] {
      guard index < words.count else { throw RecordTextError("\"\(text)\": a name is missing") }
      return try Self.name(words[index]).wire
    }
    switch type {
    case .a, .aaaa:
      guard words.count == 1, let address = IPAddress(words[0]), (address.family == .v4) == (type == .a) else {
        throw RecordTextError("\"\(text)\": found \(words), expected one address of the type")
      }
      return address.bytes
    case .cname, .ns, .ptr: return try name(0)
    case .mx: return try number(0) + name(1)
    case .srv: return try number(0) + number(1) + number(2) + name(3)
    case .txt, .hinfo:
      guard !words.isEmpty, words.allSatisfy({ $0.utf8.count < 256 }) else {
        throw RecordTextError("\"\(text)\": a text is missing or longer than 255 bytes")
      }
      return words.flatMap { [UInt8($0.utf8.count)] + $0.utf8 }
    case .soa: return try name(0) + name(1) + long(2) + long(3) + long(4) + long(5) + long(6)
    default: throw RecordTextError("\"\(text)\": records of type \(type.name) cannot be written here")
    }
  }

  private static func name(_ text: String) throws(RecordTextError) -> DomainName {
    do { return try DomainName(parsing: text == "." ? "" : text) } catch { throw RecordTextError("\(error)") }
  }

  /// Words between spaces; quotation marks hold spaces together.
  private static func words(_ text: String) throws(RecordTextError) -> [String] {
    var words: [String] = []
    var word: String?
    var isQuoted = false
    for character in text {
      if character == "\"" {
        isQuoted.toggle()
        word = word ?? ""
      } else if !isQuoted, character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard !isQuoted else { throw RecordTextError("\"\(text)\": a quotation mark has no end") }
    return words + (word.map { [$0] } ?? [])
  }
}

extension RecordType {
  private static let names: [(String, RecordType)] = [
    ("A", .a), ("NS", .ns), ("CNAME", .cname), ("SOA", .soa), ("PTR", .ptr), ("HINFO", .hinfo), ("MX", .mx),
    ("TXT", .txt), ("AAAA", .aaaa), ("SRV", .srv), ("DNAME", .dname), ("NAPTR", RecordType(rawValue: 35)),
    ("DS", RecordType(rawValue: 43)), ("DNSKEY", RecordType(rawValue: 48)), ("SVCB", RecordType(rawValue: 64)),
    ("HTTPS", RecordType(rawValue: 65)), ("CAA", RecordType(rawValue: 257)), ("IXFR", .ixfr), ("AXFR", .axfr),
    ("ANY", .any),
  ]

  /// By its name in presentation form, or `TYPE` and its number (RFC 3597 section 5).
  package init?(named text: String) {
    let upper = text.uppercased()
    if let known = Self.names.first(where: { $0.0 == upper }) {
      self = known.1
    } else if upper.hasPrefix("TYPE"), let number = UInt16(upper.dropFirst(4)) {
      self.init(rawValue: number)
    } else {
      return nil
    }
  }

  package var name: String { Self.names.first { $0.1 == self }?.0 ?? "TYPE\(rawValue)" }
}
