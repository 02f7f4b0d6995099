/// DNS over HTTPS (RFC 8484) in HTTP/1.1 (RFC 9112), one request after another on a connection: what a request asks, and how
/// its answer is wrapped.
struct HTTPFraming {
  /// What stands at the beginning of the bytes.
  enum Request: Equatable {
    /// More is needed.
    case incomplete
    /// A question, and the bytes that the request took.
    case question([UInt8], length: Int)
    /// Something else: an answer of this status; `length` nil ends the connection, since nobody knows where it ends.
    case refused(Int, length: Int?)
  }

  static let longestHead = 8192
  static let longestBody = 4096
  static let path = "/dns-query"
  static let mediaType = "application/dns-message"

  static func request(_ bytes: ArraySlice<UInt8>) -> Request {
    guard let headEnd = end(bytes) else { return bytes.count > longestHead ? .refused(431, length: nil) : .incomplete }
    let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n").map(String.init)
    let words = (lines.first ?? "").split(separator: " ").map(String.init)
    guard words.count == 3, words[2] == "HTTP/1.1" else { return .refused(400, length: nil) }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return .refused(400, length: nil) }
      let value = line[line.index(after: colon)...].split(separator: " ").joined(separator: " ")
      let name = line[..<colon].lowercased()
      // Two lengths are an attempt to be read in two ways.
      if fields.updateValue(value, forKey: name) != nil, name == "content-length" { return .refused(400, length: nil) }
    }
    guard fields["transfer-encoding"] == nil else { return .refused(501, length: nil) }
    let head = headEnd - bytes.startIndex + 4
    let body = fields["content-length"].map { Int($0) ?? -1 } ?? 0
    guard body >= 0 else { return .refused(400, length: nil) }
    guard body <= longestBody else { return .refused(413, length: nil) }
    guard bytes.count >= head + body else { return .incomplete }
    let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard target.first == path else { return .refused(404, length: head + body) }
    switch words[0] {
    case "POST":
      guard fields["content-type"]?.lowercased() == mediaType else { return .refused(415, length: head + body) }
      let start = bytes.startIndex + head
      return .question(Array(bytes[start..<(start + body)]), length: head + body)
    case "GET":
      let arguments = target.count > 1 ? target[1].split(separator: "&") : []
      guard let argument = arguments.first(where: { $0.hasPrefix("dns=") }), let message = decode(argument.dropFirst(4))
      else { return .refused(400, length: head + body) }
      return .question(message, length: head + body)
    default: return .refused(405, length: head + body)
    }
  }

  /// Where the empty line begins.
  private static func end(_ bytes: ArraySlice<UInt8>) -> Int? {
    var index = bytes.startIndex
    while index + 3 < bytes.endIndex {
      if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 { return index }
      index += 1
    }
    return nil
  }

  /// base64url without padding (RFC 4648 section 5).
  private static func decode(_ text: Substring) -> [UInt8]? {
    guard text.utf8.count <= 2 * longestBody else { return nil }
    var bytes: [UInt8] = []
    var bits = 0
    var count = 0
    for byte in text.utf8 {
      let value: UInt8
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - 97 + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - 48 + 52
      case UInt8(ascii: "-"): value = 62
      case UInt8(ascii: "_"): value = 63
      default: return nil
      }
      bits = bits << 6 | Int(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> count))
        bits &= (1 << count) - 1
      }
    }
    return bytes
  }

  /// The head of an answer; HTTP may keep it as long as the answer's least TTL (RFC 8484 section 5.1).
  static func head(_ message: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var lifetime: UInt32 = 0
    if let questionEnd = MessageReader(bytes: message).skipName(at: Wire.headerLength).map({ $0 + 4 }),
      let answer = UpstreamAnswer(Array(message), questionEnd: questionEnd, now: 0)
    {
      lifetime = answer.lifetime ?? 0
    }
    return Array(
      "HTTP/1.1 200 OK\r\nContent-Type: \(mediaType)\r\nContent-Length: \(message.count)\r\nCache-Control: max-age=\(lifetime)\r\n\r\n"
        .utf8)
  }

  static func refusal(_ status: Int, isLast: Bool) -> [UInt8] {
    let reasons = [
      400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
      415: "Unsupported Media Type", 431: "Request Header Fields Too Large", 501: "Not Implemented",
    ]
    return Array(
      "HTTP/1.1 \(status) \(reasons[status] ?? "Error")\r\nContent-Length: 0\r\n\(isLast ? "Connection: close\r\n" : "")\r\n"
        .utf8)
  }
}
