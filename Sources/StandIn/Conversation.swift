/// What a stand-in says on one TCP connection. Pure: bytes in, bytes out, and what else is to be done.
///
/// HTTP/1.x is answered with what was seen; HTTP/2 is refused by its own means; everything else gets one line about the
/// stand-in and then its own bytes back. Memory is bounded: a head may have `maximumHead` bytes, a body is not kept, and
/// no input is taken while output waits (`wantsInput`).
package struct Conversation {
  /// Longest head of a request, in bytes.
  static let maximumHead = 16 * 1024
  /// Longest delay of `/_swiftlet/slow`, in milliseconds.
  static let maximumDelay = 600_000

  private enum Mode { case undecided, http, echo, done }

  let answer: StandInAnswer
  private var mode = Mode.undecided
  private var input: [UInt8] = []
  /// Bytes of the request's body still to come.
  private var bodyRest = 0
  private var inputEnded = false
  /// Waits to be sent; the caller takes it.
  package private(set) var output: [UInt8] = []
  /// The output is not to be sent before this many milliseconds have passed; the caller takes it.
  private(set) var delay: Int?
  /// The stand-in is to end with this code once the output is sent.
  private(set) var exitCode: CInt?

  package init(_ answer: StandInAnswer) { self.answer = answer }

  /// The connection is to be closed once the output is sent.
  package var isDone: Bool { mode == .done }
  /// Nothing is under way: it may be closed without anybody missing an answer.
  var isIdle: Bool { output.isEmpty && input.isEmpty && (mode == .http || mode == .undecided) && bodyRest == 0 }
  /// Reading on makes sense.
  package var wantsInput: Bool { mode != .done && output.isEmpty && delay == nil && !inputEnded }

  package mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    return output
  }

  package mutating func takeDelay() -> Int? {
    defer { delay = nil }
    return delay
  }

  /// Bytes have come.
  package mutating func receive(_ bytes: some Collection<UInt8>) {
    switch mode {
    case .done: return
    case .echo: output += bytes
    case .undecided, .http:
      input += bytes
      proceed()
    }
  }

  /// The other side sends no more.
  package mutating func receiveEnd() {
    inputEnded = true
    if mode == .undecided {
      // A client that only listens, or sent less than a method's name, still learns whom it reached.
      output += answer.line
      output += input
      input = []
    }
    mode = .done
  }

  /// Goes on with input that waited while output was sent.
  package mutating func proceed() {
    if mode == .undecided {
      switch FirstBytes(input) {
      case .undecided: return
      case .http1: mode = .http
      case .http2:
        output += Self.http2Refusal
        input = []
        mode = .done
        return
      case .other:
        output += answer.line
        output += input
        input = []
        mode = .echo
        return
      }
    }
    while mode == .http && output.isEmpty && delay == nil {
      let skipped = min(bodyRest, input.count)
      input.removeFirst(skipped)
      bodyRest -= skipped
      guard bodyRest == 0, let head = takeHead() else { break }
      respond(to: head)
    }
    if inputEnded && output.isEmpty { mode = .done }
  }

  /// The next head, up to its empty line; nil if it is not whole.
  private mutating func takeHead() -> HTTPRequestHead? {
    var lineLength = 0
    for (index, byte) in input.enumerated() {
      if byte == UInt8(ascii: "\n") {
        if lineLength == 0 && index > 1 {
          let head = HTTPRequestHead(input[..<index])
          input.removeFirst(index + 1)
          if head == nil { refuse("400 Bad Request") }
          return head
        }
        lineLength = 0
      } else if byte != UInt8(ascii: "\r") {
        lineLength += 1
      }
    }
    if input.count > Self.maximumHead { refuse("431 Request Header Fields Too Large") }
    return nil
  }

  private mutating func refuse(_ status: String) {
    output += "HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8
    input = []
    mode = .done
  }

  private mutating func respond(to head: HTTPRequestHead) {
    // A body that must be read to know its end (chunked) is not read: the connection ends instead.
    let length = head.bodyLength
    let keepsAlive = head.keepsAlive && length != nil
    bodyRest = length ?? 0
    if head["expect"]?.lowercased() == "100-continue", bodyRest > 0 { output += "HTTP/1.1 100 Continue\r\n\r\n".utf8 }
    switch head.path {
    case "/_swiftlet/exit":
      exitCode = head.query("code").flatMap { UInt8($0) }.map { CInt($0) } ?? 0
    case "/_swiftlet/slow":
      delay = min(head.query("ms").flatMap { Int($0) }.map { max(0, $0) } ?? 1000, Self.maximumDelay)
    default: break
    }
    let body = answer.body(head)
    output += "HTTP/1.1 200 OK\r\nServer: swiftlet-stand-in\r\nContent-Type: \(body.type)\r\n".utf8
    output += "Content-Length: \(body.bytes.count)\r\n".utf8
    output += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n".utf8
    if head.method != "HEAD" { output += body.bytes }
    if !keepsAlive {
      mode = .done
      input = []
    }
  }

  /// Empty SETTINGS, then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 sections 6.5, 6.8 and 7).
  private static let http2Refusal: [UInt8] =
    [0, 0, 0, 0x04, 0, 0, 0, 0, 0] + [0, 0, 8, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0D]
}
