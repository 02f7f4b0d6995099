import Addressing

@testable import ClusterDNS

/// A question as a client writes it.
struct Question {
  var id: UInt16 = 0x1234
  var flags: UInt16 = 0x0100
  var name: String
  var type: RecordType = .a
  var recordClass: UInt16 = 1
  /// The OPT record's payload size; nil for none.
  var size: UInt16?
  var ednsVersion: UInt8 = 0
  var ednsFlags: UInt16 = 0
  var options: [UInt8] = []

  init(_ name: String, _ type: RecordType = .a) {
    self.name = name
    self.type = type
  }

  /// The name in wire form, its case kept.
  static func wire(_ name: String) -> [UInt8] {
    name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
  }

  static func pair(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }

  var bytes: [UInt8] {
    var bytes = Self.pair(id) + Self.pair(flags) + [0, 1, 0, 0, 0, 0, 0, size == nil ? 0 : 1]
    bytes += Self.wire(name) + Self.pair(type.rawValue) + Self.pair(recordClass)
    if let size {
      bytes += [0, 0, 41] + Self.pair(size) + [0, ednsVersion] + Self.pair(ednsFlags)
      bytes += Self.pair(UInt16(options.count)) + options
    }
    return bytes
  }
}

/// An answer, taken apart by the reader that is under test too; dig reads the same answers in other tests.
struct Reply: Equatable {
  var id: UInt16
  var flags: UInt16
  var code: UInt16
  var question: String
  /// `owner type data`, in lower case.
  var answers: [String]
  var authorities: [String]
  var additionals: [String]
  var ttls: [UInt32]
  var opt: MessageReader.Record?
  var optData: [UInt8] = []
  var length: Int

  static func == (left: Reply, right: Reply) -> Bool { left.answers == right.answers && left.code == right.code }

  var isTruncated: Bool { flags & Wire.truncated != 0 }
  var isAuthoritative: Bool { flags & Wire.authoritative != 0 }

  /// nil for a message that is malformed in any way.
  init?(_ bytes: [UInt8]) {
    var records: [[String]] = [[], [], []]
    var opt: MessageReader.Record?
    var optData: [UInt8] = []
    var ttls: [UInt32] = []
    var header: [UInt16] = []
    var question = ""
    let isGood = bytes.withUnsafeBufferPointer { buffer -> Bool in
      let reader = MessageReader(bytes: buffer)
      for offset in stride(from: 0, to: 12, by: 2) {
        guard let value = reader.uint16(at: offset) else { return false }
        header.append(value)
      }
      var offset = 12
      for _ in 0..<header[2] {
        guard let name = reader.name(at: offset) else { return false }
        question = Self.text(name.wire)
        offset = name.end + 4
      }
      for section in 0..<3 {
        for _ in 0..<header[3 + section] {
          guard let record = reader.record(at: offset), let owner = reader.name(at: offset) else { return false }
          if record.type == .opt {
            opt = record
            optData = Array(buffer[record.dataOffset..<record.end])
          } else {
            guard let data = Self.data(reader, record) else { return false }
            records[section].append("\(Self.text(owner.wire).lowercased()) \(data)")
            ttls.append(record.ttl)
          }
          offset = record.end
        }
      }
      return offset == buffer.count
    }
    guard isGood else { return nil }
    id = header[0]
    flags = header[1]
    code = header[1] & 15 | UInt16(truncatingIfNeeded: (opt?.ttl ?? 0) >> 24) << 4
    self.question = question
    (answers, authorities, additionals) = (records[0], records[1], records[2])
    self.ttls = ttls
    self.opt = opt
    self.optData = optData
    length = bytes.count
  }

  static func text(_ wire: [UInt8]) -> String {
    var labels: [String] = []
    var offset = 0
    while wire[offset] != 0 {
      let end = offset + Int(wire[offset])
      labels.append(String(decoding: wire[(offset + 1)...end], as: UTF8.self))
      offset = end + 1
    }
    return labels.isEmpty ? "." : labels.joined(separator: ".")
  }

  private static func data(_ reader: MessageReader, _ record: MessageReader.Record) -> String? {
    let bytes = Array(reader.bytes[record.dataOffset..<record.end])
    func name(_ skip: Int = 0) -> String? {
      reader.name(at: record.dataOffset + skip).map { text($0.wire).lowercased() }
    }
    switch record.type {
    case .a: return IPAddress(bytes: bytes).map { "A \($0)" }
    case .aaaa: return IPAddress(bytes: bytes).map { "AAAA \($0)" }
    case .cname: return name().map { "CNAME \($0)" }
    case .ptr: return name().map { "PTR \($0)" }
    case .ns: return name().map { "NS \($0)" }
    case .soa: return name().map { "SOA \($0)" }
    case .srv:
      guard bytes.count > 6, let target = name(6) else { return nil }
      return "SRV \(Int(bytes[4]) << 8 | Int(bytes[5])) \(target)"
    case .txt: return "TXT \(String(decoding: bytes.dropFirst(), as: UTF8.self))"
    case .hinfo: return "HINFO"
    default: return "TYPE\(record.type.rawValue)"
    }
  }
}

extension Responder {
  /// Answers bytes as a worker does; nil where nothing is sent, and where the question is forwarded.
  func reply(_ bytes: [UInt8], isTCP: Bool = false, turn: Int = 0) -> Reply? {
    raw(bytes, isTCP: isTCP, turn: turn).flatMap { Reply($0) }
  }

  func raw(_ bytes: [UInt8], isTCP: Bool = false, turn: Int = 0) -> [UInt8]? {
    let query = Query()
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: isTCP ? 65535 : Wire.datagramLimit)
    defer { buffer.deallocate() }
    return bytes.withUnsafeBufferPointer { message in
      let verdict = query.parse(message)
      if verdict == .drop { return nil }
      var writer = ResponseWriter(buffer)
      let limit = isTCP ? 65535 : query.datagramLimit
      guard case .answered = respond(to: query, verdict, into: &writer, limit: limit, isTCP: isTCP, turn: turn) else {
        return nil
      }
      return Array(writer.message)
    }
  }

  func reply(_ name: String, _ type: RecordType = .a, turn: Int = 0) -> Reply? {
    reply(Question(name, type).bytes, turn: turn)
  }
}
