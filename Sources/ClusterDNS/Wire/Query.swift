/// A question, parsed in place. A worker has one and uses it for every message; nothing is allocated.
final class Query {
  /// What to do with a message.
  enum Verdict: Equatable {
    /// A question that can be answered.
    case question
    /// Answer with a bare header and this code.
    case reject(ResponseCode)
    /// No answer at all: too short for a header, or itself an answer.
    case drop
  }

  /// What the OPT record said (RFC 6891).
  struct EDNS: Equatable {
    var size: UInt16
    var version: UInt8
    var isDNSSECOK: Bool
    var wantsKeepalive: Bool
    /// The client's half of its cookie; nil for none.
    var clientCookie: UInt64?
  }

  /// The message in the caller's memory; valid as long as that is.
  private(set) var message = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  private(set) var id: UInt16 = 0
  private(set) var flags: UInt16 = 0
  private(set) var type = RecordType(rawValue: 0)
  private(set) var recordClass: UInt16 = 0
  private(set) var nameLength = 0
  private(set) var edns: EDNS?

  /// What the client showed as ours, in `message`.
  private var shownCookie = 0..<0
  /// Stands for who asks, in cookies.
  var peer = 0

  private let lower = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
  private let labels = UnsafeMutablePointer<UInt8>.allocate(capacity: 128)
  private(set) var labelCount = 0

  deinit {
    lower.deallocate()
    labels.deallocate()
  }

  /// The name in lower case.
  var name: NameView { NameView(bytes: lower, length: nameLength, labels: labels, labelCount: labelCount) }
  /// The end of the question section.
  var questionEnd: Int { Wire.headerLength + nameLength + 4 }
  var isRecursionDesired: Bool { flags & Wire.recursionDesired != 0 }

  /// The most bytes an answer over UDP may have.
  var datagramLimit: Int {
    guard let edns else { return Wire.classicDatagramLimit }
    return min(max(Int(edns.size), Wire.classicDatagramLimit), Wire.datagramLimit)
  }

  func parse(_ message: UnsafeBufferPointer<UInt8>) -> Verdict {
    let reader = MessageReader(bytes: message)
    guard message.count >= Wire.headerLength, let id = reader.uint16(at: 0), let flags = reader.uint16(at: 2) else {
      return .drop
    }
    self.message = message
    self.id = id
    self.flags = flags
    edns = nil
    shownCookie = 0..<0
    if flags & Wire.response != 0 { return .drop }
    if flags & Wire.opcodeMask != 0 { return .reject(.notImplemented) }
    guard reader.uint16(at: 4) == 1, parseQuestion(reader), parseRecords(reader) else { return .reject(.formatError) }
    return .question
  }

  /// The one question. Its name cannot be compressed: there is nothing before it to point to.
  private func parseQuestion(_ reader: MessageReader) -> Bool {
    let bytes = reader.bytes
    var offset = Wire.headerLength
    labelCount = 0
    while true {
      guard offset < bytes.count else { return false }
      let length = Int(bytes[offset])
      let position = offset - Wire.headerLength
      guard length <= Wire.longestLabel, position + length + 1 <= Wire.longestName, offset + length < bytes.count else {
        return false
      }
      lower[position] = UInt8(length)
      if length == 0 { break }
      labels[labelCount] = UInt8(position)
      labelCount += 1
      for index in 1...length { lower[position + index] = Wire.lower(bytes[offset + index]) }
      offset += length + 1
    }
    nameLength = offset + 1 - Wire.headerLength
    guard let type = reader.uint16(at: offset + 1), let recordClass = reader.uint16(at: offset + 3) else {
      return false
    }
    self.type = RecordType(rawValue: type)
    self.recordClass = recordClass
    return true
  }

  /// Everything after the question: only an OPT record in the additional section means something to us, but all of it
  /// must be well-formed to the last byte.
  private func parseRecords(_ reader: MessageReader) -> Bool {
    guard let answers = reader.uint16(at: 6), let authorities = reader.uint16(at: 8),
      let additionals = reader.uint16(at: 10)
    else { return false }
    var offset = questionEnd
    let ignored = Int(answers) + Int(authorities)
    for index in 0..<(ignored + Int(additionals)) {
      guard let record = reader.record(at: offset) else { return false }
      if record.type == .opt {
        // One OPT, of the root, in the additional section (RFC 6891 section 6.1.1).
        guard index >= ignored, edns == nil, reader.bytes[record.nameOffset] == 0 else { return false }
        guard let options = parseOptions(reader, record) else { return false }
        edns = EDNS(
          size: record.recordClass, version: UInt8(truncatingIfNeeded: record.ttl >> 16),
          isDNSSECOK: UInt16(truncatingIfNeeded: record.ttl) & Wire.dnssecOK != 0,
          wantsKeepalive: options.wantsKeepalive,
          clientCookie: options.cookie)
      }
      offset = record.end
    }
    return offset == reader.bytes.count
  }

  /// What the options say that mean something to us; nil if they are malformed.
  private func parseOptions(_ reader: MessageReader, _ record: MessageReader.Record) -> (
    wantsKeepalive: Bool, cookie: UInt64?
  )? {
    var offset = record.dataOffset
    var wantsKeepalive = false
    var cookie: UInt64?
    while offset < record.end {
      guard let option = reader.uint16(at: offset), let length = reader.uint16(at: offset + 2),
        offset + 4 + Int(length) <= record.end
      else { return nil }
      if option == Wire.keepaliveOption { wantsKeepalive = true }
      if option == Wire.cookieOption, cookie == nil {
        // The client's 8 bytes, and 8 to 32 of a server's (RFC 7873 section 5.2.2).
        guard length == 8 || (16...40).contains(length), let high = reader.uint32(at: offset + 4),
          let low = reader.uint32(at: offset + 8)
        else { return nil }
        cookie = UInt64(high) << 32 | UInt64(low)
        shownCookie = (offset + 12)..<(offset + 4 + Int(length))
      }
      offset += 4 + Int(length)
    }
    return (wantsKeepalive, cookie)
  }

  /// The client showed a cookie that we gave it: its address is its own.
  var hasValidCookie: Bool {
    guard let client = edns?.clientCookie, !shownCookie.isEmpty else { return false }
    return ServerCookie.isValid(UnsafeBufferPointer(rebasing: message[shownCookie]), client: client, peer: peer)
  }
}
