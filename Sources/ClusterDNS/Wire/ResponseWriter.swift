internal import Addressing
internal import Glibc

/// Writes an answer into a buffer that is used again and again. A record that does not fit is left out whole and marks
/// the answer as truncated; room for the OPT record is kept from the start.
struct ResponseWriter {
  let base: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  /// Bytes written so far; after `finish` the length of the message.
  private(set) var position = 0
  private(set) var limit = 0
  private var section = Section.answer
  private var counts: (answer: UInt16, authority: UInt16, additional: UInt16) = (0, 0, 0)
  private(set) var isTruncated = false

  // Offsets of names that later ones may point to.
  var offsets: [32 of UInt16] = .init(repeating: 0)
  var offsetCount = 0
  var isQuestionKnown = false
  private(set) var query: Query?

  enum Section { case answer, authority, additional }

  /// A pointer to the question's name.
  static let questionName: UInt16 = 0xC000 | UInt16(Wire.headerLength)

  init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
    base = buffer.baseAddress!
    capacity = buffer.count
  }

  var message: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: position) }
  var hasAnswers: Bool { counts.answer > 0 }

  /// Starts an answer of at most `limit` bytes with the question as it was asked, its case included.
  mutating func begin(_ query: Query, limit: Int) {
    self.query = query
    offsetCount = 0
    isQuestionKnown = false
    isTruncated = false
    counts = (0, 0, 0)
    section = .answer
    memcpy(base, query.message.baseAddress!, query.questionEnd)
    position = query.questionEnd
    var room = 0
    if let edns = query.edns {
      room = 11 + (edns.wantsKeepalive ? 6 : 0) + (edns.clientCookie == nil ? 0 : 12 + ServerCookie.length)
    }
    self.limit = min(limit, capacity) - room
  }

  /// An answer that is a header alone, for what could not be parsed.
  mutating func writeHeaderOnly(_ query: Query, _ code: ResponseCode) {
    position = Wire.headerLength
    put16(query.id, at: 0)
    put16(
      Wire.response | query.flags & (Wire.opcodeMask | Wire.recursionDesired) | code.rawValue & Wire.codeMask, at: 2)
    memset(base + 4, 0, 8)
  }

  mutating func begin(section: Section) { self.section = section }

  /// Takes back everything after the question.
  mutating func clearRecords() {
    if let query { position = query.questionEnd }
    counts = (0, 0, 0)
    offsetCount = 0
    isQuestionKnown = false
    isTruncated = false
    section = .answer
  }

  /// The record that did not fit will be written elsewhere.
  mutating func forgetTruncation() { isTruncated = false }

  // MARK: records

  /// A record whose owner is at a known place. `write` appends the data; if something does not fit, the record is taken
  /// back. Returns the offset of its data, or nil if it was taken back.
  @discardableResult
  mutating func record(
    owner: UInt16, _ type: RecordType, ttl: UInt32, _ write: (inout ResponseWriter) -> Void
  ) -> Int? {
    let start = position
    let names = offsetCount
    append16(owner)
    append16(type.rawValue)
    append16(Wire.classInternet)
    append16(UInt16(truncatingIfNeeded: ttl >> 16))
    append16(UInt16(truncatingIfNeeded: ttl))
    append16(0)
    let data = position
    if position <= limit { write(&self) }
    return finishRecord(start: start, names: names, data: data)
  }

  /// A record whose owner is any name, compressed.
  @discardableResult
  mutating func record(
    owner: UnsafeBufferPointer<UInt8>, _ type: RecordType, class recordClass: UInt16 = Wire.classInternet, ttl: UInt32,
    _ write: (inout ResponseWriter) -> Void
  ) -> Int? {
    let start = position
    let names = offsetCount
    append(name: owner)
    append16(type.rawValue)
    append16(recordClass)
    append16(UInt16(truncatingIfNeeded: ttl >> 16))
    append16(UInt16(truncatingIfNeeded: ttl))
    append16(0)
    let data = position
    if position <= limit { write(&self) }
    return finishRecord(start: start, names: names, data: data)
  }

  private mutating func finishRecord(start: Int, names: Int, data: Int) -> Int? {
    guard position <= limit else {
      position = start
      offsetCount = min(names, offsetCount)
      // What is additional may be missing without harm (RFC 2181 section 9).
      if section != .additional { isTruncated = true }
      return nil
    }
    put16(UInt16(position - data), at: data - 2)
    switch section {
    case .answer: counts.answer += 1
    case .authority: counts.authority += 1
    case .additional: counts.additional += 1
    }
    return data
  }

  mutating func address(owner: UInt16, _ address: IPAddress, ttl: UInt32) {
    record(owner: owner, address.recordType, ttl: ttl) { $0.append(address: address) }
  }

  mutating func address(owner: UnsafeBufferPointer<UInt8>, _ address: IPAddress, ttl: UInt32) {
    record(owner: owner, address.recordType, ttl: ttl) { $0.append(address: address) }
  }

  private mutating func append(address: IPAddress) {
    switch address {
    case .v4(let address):
      append16(UInt16(address.rawValue >> 16))
      append16(UInt16(truncatingIfNeeded: address.rawValue))
    case .v6(let address):
      for shift in stride(from: 112, through: 0, by: -16) {
        append16(UInt16(truncatingIfNeeded: address.rawValue >> UInt128(shift)))
      }
    }
  }

  /// Finishes the message: flags, code, counts, and the OPT record if the question had one.
  mutating func finish(_ code: ResponseCode, flags: UInt16, keepalive: UInt16? = nil) {
    guard let query else { return }
    if let edns = query.edns {
      limit = capacity
      append8(0)
      append16(RecordType.opt.rawValue)
      append16(UInt16(Wire.datagramLimit))
      append8(UInt8(code.rawValue >> 4))
      append8(0)
      append16(edns.isDNSSECOK ? Wire.dnssecOK : 0)
      let keepalive = edns.wantsKeepalive ? keepalive : nil
      append16((keepalive == nil ? 0 : 6) + (edns.clientCookie == nil ? 0 : 12 + UInt16(ServerCookie.length)))
      if let keepalive {
        append16(Wire.keepaliveOption)
        append16(2)
        append16(keepalive)
      }
      if let client = edns.clientCookie {
        let cookie = ServerCookie(client: client, peer: query.peer)
        append16(Wire.cookieOption)
        append16(8 + UInt16(ServerCookie.length))
        append(number: client, bytes: 8)
        append(number: 1 << 24, bytes: 4)
        append(number: UInt64(cookie.time), bytes: 4)
        append(number: cookie.hash, bytes: 8)
      }
      counts.additional += 1
    }
    let echoed = query.flags & (Wire.recursionDesired | Wire.checkingDisabled)
    put16(query.id, at: 0)
    put16(
      Wire.response | echoed | flags | (isTruncated ? Wire.truncated : 0) | code.rawValue & Wire.codeMask, at: 2)
    put16(1, at: 4)
    put16(counts.answer, at: 6)
    put16(counts.authority, at: 8)
    put16(counts.additional, at: 10)
  }

  // MARK: bytes

  mutating func append8(_ value: UInt8) {
    if position < capacity { base[position] = value }
    position += 1
  }

  mutating func append16(_ value: UInt16) {
    if position + 2 <= capacity {
      base[position] = UInt8(value >> 8)
      base[position + 1] = UInt8(truncatingIfNeeded: value)
    }
    position += 2
  }

  mutating func append32(_ value: UInt32) {
    append16(UInt16(value >> 16))
    append16(UInt16(truncatingIfNeeded: value))
  }

  private mutating func append(number: UInt64, bytes: Int) {
    for shift in stride(from: 8 * (bytes - 1), through: 0, by: -8) {
      append8(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
    }
  }

  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    if position + bytes.count <= capacity, !bytes.isEmpty { memcpy(base + position, bytes.baseAddress!, bytes.count) }
    position += bytes.count
  }

  /// A character-string: its length, then its bytes.
  mutating func append(text: StaticString) {
    append8(UInt8(text.utf8CodeUnitCount))
    append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private func put16(_ value: UInt16, at offset: Int) {
    base[offset] = UInt8(value >> 8)
    base[offset + 1] = UInt8(truncatingIfNeeded: value)
  }
}

extension IPAddress {
  fileprivate var recordType: RecordType { family == .v4 ? .a : .aaaa }
}
