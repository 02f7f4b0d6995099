internal import Streaming

/// DNS over HTTPS (RFC 8484): what a request asks, and how its answer is wrapped; in HTTP/1.1 (RFC 9112), where one request
/// comes after another, also where it ends.
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
  /// What one connection of HTTP/2 may have.
  static var limits: HTTP2Session.Limits {
    var limits = HTTP2Session.Limits()
    limits.streams = TCPConnection.mostWaiting
    limits.head = longestHead
    limits.body = longestBody
    return limits
  }
  static let mediaType = "application/dns-message"

  static func request(_ bytes: ArraySlice<UInt8>) -> Request {
    let head: HTTPHead
    let headLength: Int
    do {
      guard let found = try HTTPHead.parse(bytes, limit: longestHead) else { return .incomplete }
      (head, headLength) = found
    } catch {
      return .refused(error.isTooLong ? 431 : 400, length: nil)
    }
    guard head.words.count == 3, head.words[2] == "HTTP/1.1" else { return .refused(400, length: nil) }
    guard head["transfer-encoding"] == nil else { return .refused(501, length: nil) }
    // Two lengths, which would be an attempt to be read in two ways, are no number here.
    let bodyLength = head["content-length"].map { Int($0) ?? -1 } ?? 0
    guard bodyLength >= 0 else { return .refused(400, length: nil) }
    guard bodyLength <= longestBody else { return .refused(413, length: nil) }
    let length = headLength + bodyLength
    guard bytes.count >= length else { return .incomplete }
    let body = Array(bytes.dropFirst(headLength).prefix(bodyLength))
    switch question(head.method, head.target, contentType: head["content-type"], body: body) {
    case .question(let message): return .question(message, length: length)
    case .refused(let status): return .refused(status, length: length)
    }
  }

  /// What a request asks, whatever the version of HTTP.
  enum Meaning: Equatable {
    case question([UInt8])
    /// Something else: an answer of this status.
    case refused(Int)
  }

  static func question(_ method: String, _ target: String, contentType: String?, body: [UInt8]) -> Meaning {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.first == path[...] else { return .refused(404) }
    switch method {
    case "POST":
      guard contentType?.lowercased() == mediaType else { return .refused(415) }
      return .question(body)
    case "GET":
      let arguments = parts.count > 1 ? parts[1].split(separator: "&") : []
      guard let argument = arguments.first(where: { $0.hasPrefix("dns=") }), let message = decode(argument.dropFirst(4))
      else { return .refused(400) }
      return .question(message)
    default: return .refused(405)
    }
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

  /// What an answer says of its body; HTTP may keep it as long as the answer's least TTL (RFC 8484 section 5.1).
  static func fields(_ message: UnsafeBufferPointer<UInt8>) -> [(String, String)] {
    var lifetime: UInt32 = 0
    if let questionEnd = MessageReader(bytes: message).skipName(at: Wire.headerLength).map({ $0 + 4 }),
      let answer = UpstreamAnswer(Array(message), questionEnd: questionEnd, now: 0)
    {
      lifetime = answer.lifetime ?? 0
    }
    return [
      ("content-type", mediaType), ("content-length", "\(message.count)"), ("cache-control", "max-age=\(lifetime)"),
    ]
  }

  /// What a refusal says beside its status.
  static func refusalFields(_ status: Int) -> [(String, String)] {
    // RFC 9110 section 15.5.6.
    [("content-length", "0")] + (status == 405 ? [("allow", "GET, POST")] : [])
  }

  /// The head of an answer in HTTP/1.1.
  static func head(_ message: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    HTTPHead.bytes("HTTP/1.1 200 OK", fields(message).map { (name: $0.0, value: $0.1) })
  }

  static func refusal(_ status: Int, isLast: Bool) -> [UInt8] {
    let reasons = [
      400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
      415: "Unsupported Media Type", 431: "Request Header Fields Too Large", 501: "Not Implemented",
    ]
    let fields = refusalFields(status) + (isLast ? [("connection", "close")] : [])
    return HTTPHead.bytes("HTTP/1.1 \(status) \(reasons[status] ?? "Error")", fields.map { (name: $0.0, value: $0.1) })
  }
}
