/// An answer from an upstream, checked once, kept as it came: its question has the length of the client's, so that it can
/// be given to a client by writing the client's id and question over it.
final class UpstreamAnswer: Sendable {
  let bytes: [UInt8]
  let code: ResponseCode
  let questionEnd: Int
  let answerCount: Int
  /// Offsets of the TTLs that grow older in the cache.
  let ttlOffsets: [Int]
  /// Offset of the OPT record's size field.
  let sizeOffset: Int?
  /// Where the records of the answer section and of the SOA in the authority section begin.
  let answerOffsets: [Int]
  let startOffset: Int?
  /// Seconds it may be kept: the least TTL of its answers, or what its SOA says of negative answers (RFC 2308); nil for
  /// one that says nothing.
  let lifetime: UInt32?
  let received: Int

  /// nil for a message that is malformed. The question has been compared already. `now` in monotonic seconds.
  init?(_ bytes: [UInt8], questionEnd: Int, now: Int) {
    self.bytes = bytes
    self.questionEnd = questionEnd
    received = now
    var ttlOffsets: [Int] = []
    var answerOffsets: [Int] = []
    var startOffset: Int?
    var sizeOffset: Int?
    var least = UInt32.max
    var negative: UInt32?
    var extended: UInt16 = 0
    var code: UInt16 = 0
    let isWellFormed = bytes.withUnsafeBufferPointer { buffer -> Bool in
      let reader = MessageReader(bytes: buffer)
      guard let flags = reader.uint16(at: 2), let answers = reader.uint16(at: 6),
        let authorities = reader.uint16(at: 8),
        let additionals = reader.uint16(at: 10)
      else { return false }
      code = flags & Wire.codeMask
      var offset = questionEnd
      for index in 0..<(Int(answers) + Int(authorities) + Int(additionals)) {
        guard let record = reader.record(at: offset), reader.name(at: record.nameOffset) != nil else { return false }
        if record.type == .opt {
          sizeOffset = record.ttlOffset - 2
          extended = UInt16(truncatingIfNeeded: record.ttl >> 24)
        } else {
          ttlOffsets.append(record.ttlOffset)
          // A TTL with its highest bit set counts as zero (RFC 2181 section 8).
          let ttl = record.ttl > Int32.max ? 0 : record.ttl
          if index < Int(answers) {
            answerOffsets.append(offset)
            least = min(least, ttl)
          } else if record.type == .soa, index < Int(answers) + Int(authorities) {
            startOffset = offset
            if let minimum = reader.uint32(at: record.end - 4) { negative = min(ttl, minimum) }
          }
        }
        offset = record.end
      }
      return true
    }
    guard isWellFormed else { return nil }
    self.code = ResponseCode(rawValue: extended << 4 | code)
    self.ttlOffsets = ttlOffsets
    self.answerOffsets = answerOffsets
    self.startOffset = startOffset
    self.sizeOffset = sizeOffset
    answerCount = answerOffsets.count
    // An answer section of aliases alone is negative when an SOA says so.
    lifetime = negative.map { min($0, least) } ?? (least == .max ? nil : least)
  }

  /// Neither answers nor an error: NODATA.
  var isEmpty: Bool { code == .noError && answerCount == 0 }

  /// Copies the answer for a client into a buffer; returns its length, or nil if it is longer than `limit`.
  func copy(for query: Query, into buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int, now: Int) -> Int? {
    // A cookie is written anew, which takes the long way.
    guard bytes.count <= min(limit, buffer.count), query.questionEnd == questionEnd, query.edns?.clientCookie == nil
    else { return nil }
    _ = buffer.update(fromContentsOf: bytes)
    buffer[0] = UInt8(query.id >> 8)
    buffer[1] = UInt8(truncatingIfNeeded: query.id)
    // Not ours to be authoritative; recursion is available whatever the upstream says, since we ask it.
    buffer[2] &= 0xFB
    buffer[3] |= UInt8(Wire.recursionAvailable)
    for index in Wire.headerLength..<(questionEnd - 4) { buffer[index] = query.message[index] }
    let age = UInt32(clamping: now - received)
    if age > 0 {
      for offset in ttlOffsets {
        let ttl = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(buffer[offset + $1]) }
        let left = ttl > age ? ttl - age : 0
        for index in 0..<4 { buffer[offset + index] = UInt8(truncatingIfNeeded: left >> UInt32(24 - 8 * index)) }
      }
    }
    if let sizeOffset {
      buffer[sizeOffset] = UInt8(Wire.datagramLimit >> 8)
      buffer[sizeOffset + 1] = UInt8(Wire.datagramLimit & 0xFF)
    }
    return bytes.count
  }

  /// Writes the answers after aliases of our own, names made whole and compressed anew.
  /// Records of `renamed` go by the question's name.
  func write(into writer: inout ResponseWriter, now: Int, renamed: DomainName? = nil) {
    let age = UInt32(clamping: now - received)
    bytes.withUnsafeBufferPointer { buffer in
      let reader = MessageReader(bytes: buffer)
      for offset in answerOffsets { Self.copy(reader, offset, age, renamed, &writer) }
      if answerOffsets.isEmpty, let startOffset {
        writer.begin(section: .authority)
        Self.copy(reader, startOffset, age, nil, &writer)
      }
    }
  }

  private static func copy(
    _ reader: MessageReader, _ offset: Int, _ age: UInt32, _ renamed: DomainName?, _ writer: inout ResponseWriter
  ) {
    guard let record = reader.record(at: offset), let owner = reader.name(at: offset)?.wire,
      let data = expand(reader, record)
    else { return }
    let ttl = record.ttl > age ? record.ttl - age : 0
    if let renamed, owner.map(Wire.lower) == renamed.wire {
      writer.record(owner: ResponseWriter.questionName, record.type, ttl: ttl) { writer in
        data.withUnsafeBufferPointer { writer.append($0) }
      }
      return
    }
    owner.withUnsafeBufferPointer { owner in
      _ = writer.record(owner: owner, record.type, class: record.recordClass, ttl: ttl) { writer in
        data.withUnsafeBufferPointer { writer.append($0) }
      }
    }
  }

  /// A record's data with its names made whole: only the types of RFC 1035 (and SRV of careless servers) may compress
  /// (RFC 3597 section 4).
  private static func expand(_ reader: MessageReader, _ record: MessageReader.Record) -> [UInt8]? {
    let data = record.dataOffset
    func raw(_ range: Range<Int>) -> [UInt8] { Array(reader.bytes[range]) }
    switch record.type {
    case .cname, .ns, .ptr, .dname:
      return reader.name(at: data)?.wire
    case .mx:
      guard record.dataLength > 2, let name = reader.name(at: data + 2) else { return nil }
      return raw(data..<(data + 2)) + name.wire
    case .srv:
      guard record.dataLength > 6, let name = reader.name(at: data + 6) else { return nil }
      return raw(data..<(data + 6)) + name.wire
    case .soa:
      guard let server = reader.name(at: data), let mailbox = reader.name(at: server.end),
        mailbox.end + 20 == record.end
      else { return nil }
      return server.wire + mailbox.wire + raw(mailbox.end..<record.end)
    default: return raw(data..<record.end)
    }
  }
}
