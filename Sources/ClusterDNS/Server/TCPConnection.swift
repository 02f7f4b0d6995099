internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Streaming

/// A client's connection: TCP or TLS (RFC 7766), on which questions may be pipelined and answers leave as they are ready,
/// or HTTPS.
final class TCPConnection {
  let descriptor: CInt
  /// Who connected; nil where the kernel no longer knows.
  let peer: IPAddress?
  /// The number of the address that it came in by.
  let socket: Int
  private let tls: TLSSession?
  /// DNS over HTTPS: requests and answers are wrapped.
  let isHTTP: Bool
  /// Once both sides have agreed on HTTP/2.
  private(set) var http2: HTTP2Session?
  private(set) var isClosed = false
  /// Monotonic milliseconds of the last byte in either direction; in HTTP/2 of the last one of a question or an answer.
  var lastActivity: Int
  /// Questions that wait for an upstream.
  var waiting = 0
  /// A zone on its way to the client; no question is read meanwhile.
  var transfer: ZoneTransfer?
  /// The client will send nothing more, or what it sends is not looked at.
  var isInputEnded = false
  var input: [UInt8] = []
  var inputStart = 0
  var output: [UInt8] = []
  private var outputStart = 0
  /// An answer has been given since bytes were sent.
  private var hasAnswered = false
  private var isProtocolKnown = false

  /// Unsent bytes and waiting questions from which on no more questions are read.
  static let mostOutput = 64 * 1024
  static let mostWaiting = 100

  init(descriptor: CInt, peer: IPAddress?, socket: Int, tls: TLSSession?, isHTTP: Bool, now: Int) {
    self.descriptor = descriptor
    self.peer = peer
    self.socket = socket
    self.tls = tls
    self.isHTTP = isHTTP
    lastActivity = now
  }

  deinit { close() }

  func close() {
    if !isClosed {
      tls?.close()
      Glibc.close(descriptor)
    }
    isClosed = true
  }

  var hasOutput: Bool { outputStart < output.count }
  /// The socket is to say when it takes more.
  var wantsOutput: Bool { tls.map { $0.wantsOutput } ?? hasOutput }
  /// Bytes that wait to be sent.
  var backlog: Int { output.count - outputStart }
  var wantsInput: Bool {
    guard !isInputEnded, transfer == nil, backlog < Self.mostOutput else { return false }
    // In HTTP/2 reading goes on whatever waits, or the client could not say that it takes more; the session bounds what
    // may wait. Answers of HTTP/1.1 come in the order of the requests: one at a time.
    return http2 != nil || waiting < (isHTTP ? 1 : Self.mostWaiting)
  }
  /// Answers are still to come or to be sent.
  var isBusy: Bool { hasOutput || waiting > 0 || transfer != nil || http2?.isAnswering == true }
  /// Nothing is left to do for this connection.
  var isDone: Bool { (isInputEnded && !isBusy) || (http2?.isDone == true && !hasOutput) }

  /// Reads what is there; false when the connection broke.
  func receive(now: Int) -> Bool {
    let count = withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { chunk -> Int in
      let count = tls?.read(chunk) ?? recv(descriptor, chunk.baseAddress!, chunk.count, CInt(MSG_DONTWAIT))
      if count > 0 { input += chunk[..<count] }
      return count
    }
    if count > 0 {
      if isHTTP, !isProtocolKnown {
        isProtocolKnown = true
        if tls?.applicationProtocol == "h2" { http2 = HTTP2Session(HTTPFraming.limits) }
      }
      if http2 == nil { lastActivity = now }
      return true
    }
    if count == 0 {
      isInputEnded = true
      return true
    }
    return errno == EAGAIN || errno == EINTR
  }

  /// Takes whole messages, each after its two bytes of length or in a request of HTTP, and gives them with the number of
  /// their stream (0 where there are none) to `body`, which says whether there is or will be an answer.
  func takeMessages(now: Int, _ body: (UnsafeBufferPointer<UInt8>, Int32) -> Bool) {
    if let http2 { return takeRequests(http2, now: now, body) }
    if isHTTP { return takeRequests(body) }
    let bytes = input
    bytes.withUnsafeBufferPointer { buffer in
      while wantsInput || (isInputEnded && transfer == nil), !isClosed, buffer.count - inputStart >= 2 {
        let length = Int(buffer[inputStart]) << 8 | Int(buffer[inputStart + 1])
        guard buffer.count - inputStart - 2 >= length else { break }
        let start = inputStart + 2
        inputStart = start + length
        _ = body(UnsafeBufferPointer(rebasing: buffer[start..<inputStart]), 0)
      }
    }
    compact()
  }

  /// Forgets the bytes of the input that have been taken.
  func compact() {
    if inputStart == input.count {
      input.removeAll(keepingCapacity: input.count <= 16384)
      inputStart = 0
    } else if inputStart > 16384 {
      input.removeFirst(inputStart)
      inputStart = 0
    }
  }

  /// Queues the answer to a stream's question.
  func append(_ message: UnsafeBufferPointer<UInt8>, stream: Int32) {
    hasAnswered = true
    if let http2 {
      http2.respond(stream, status: 200, fields: HTTPFraming.fields(message), body: Array(message))
      return
    }
    if isHTTP {
      output += HTTPFraming.head(message)
    } else {
      output.append(UInt8(message.count >> 8))
      output.append(UInt8(message.count & 0xFF))
    }
    output += message
  }

  /// Sends what the socket takes; false when the connection broke.
  func flush(now: Int) -> Bool {
    while true {
      http2?.takeOutput(&output, room: outputStart + Self.mostOutput)
      guard hasOutput else { break }
      let count = output.withUnsafeBytes { bytes in
        let rest = UnsafeRawBufferPointer(rebasing: bytes[outputStart...])
        return tls?.write(rest) ?? send(descriptor, rest.baseAddress!, rest.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN
      }
      // Frames that the client asks for without a question (PING) do not keep a connection.
      if http2.map({ hasAnswered || $0.isAnswering }) ?? true { lastActivity = now }
      outputStart += count
      if outputStart == output.count {
        hasAnswered = false
        output.removeAll(keepingCapacity: output.count <= 65536)
        outputStart = 0
      }
    }
    return true
  }
}
