internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

/// A client's TCP connection (RFC 7766): questions may be pipelined, answers leave as they are ready.
final class TCPConnection {
  let descriptor: CInt
  /// Who connected; nil where the kernel no longer knows.
  let peer: IPAddress?
  /// The number of the address that it came in by.
  let socket: Int
  private let tls: TLSStream?
  /// DNS over HTTPS: requests and answers are wrapped.
  let isHTTP: Bool
  private(set) var isClosed = false
  /// Monotonic milliseconds of the last byte in either direction.
  var lastActivity: Int
  /// Questions that wait for an upstream.
  var waiting = 0
  /// A zone on its way to the client; no question is read meanwhile.
  var transfer: ZoneTransfer?
  /// The client will send nothing more.
  private(set) var isInputEnded = false
  private var input: [UInt8] = []
  private var inputStart = 0
  private var output: [UInt8] = []
  private var outputStart = 0

  /// Unsent bytes and waiting questions from which on no more questions are read.
  static let mostOutput = 64 * 1024
  static let mostWaiting = 100

  init(descriptor: CInt, peer: IPAddress?, socket: Int, tls: TLSStream?, isHTTP: Bool, now: Int) {
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
    // Answers of HTTP/1.1 come in the order of the requests: one at a time.
    !isInputEnded && transfer == nil && backlog < Self.mostOutput && waiting < (isHTTP ? 1 : Self.mostWaiting)
  }
  /// Nothing is left to do for this connection.
  var isDone: Bool { isInputEnded && !hasOutput && waiting == 0 && transfer == nil }

  /// Reads what is there; false when the connection broke.
  func receive(now: Int) -> Bool {
    let count = withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { chunk -> Int in
      let count = tls?.read(chunk) ?? recv(descriptor, chunk.baseAddress!, chunk.count, CInt(MSG_DONTWAIT))
      if count > 0 { input += chunk[..<count] }
      return count
    }
    if count > 0 {
      lastActivity = now
      return true
    }
    if count == 0 {
      isInputEnded = true
      return true
    }
    return errno == EAGAIN || errno == EINTR
  }

  /// Takes whole messages, each after its two bytes of length, until there is none or `body` says false.
  func takeMessages(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    if isHTTP { return takeRequests(body) }
    let bytes = input
    bytes.withUnsafeBufferPointer { buffer in
      while wantsInput || (isInputEnded && transfer == nil), !isClosed, buffer.count - inputStart >= 2 {
        let length = Int(buffer[inputStart]) << 8 | Int(buffer[inputStart + 1])
        guard buffer.count - inputStart - 2 >= length else { break }
        let start = inputStart + 2
        inputStart = start + length
        body(UnsafeBufferPointer(rebasing: buffer[start..<inputStart]))
      }
    }
    compact()
  }

  /// Takes whole requests of DNS over HTTPS.
  private func takeRequests(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    while waiting == 0, transfer == nil, !isClosed, inputStart < input.count {
      switch HTTPFraming.request(input[inputStart...]) {
      case .incomplete: return compact()
      case .question(let message, let length):
        inputStart += length
        let before = output.count
        message.withUnsafeBufferPointer(body)
        // What gets no answer in DNS gets one here.
        if waiting == 0, output.count == before, transfer == nil { output += HTTPFraming.refusal(400, isLast: false) }
      case .refused(let status, let length):
        output += HTTPFraming.refusal(status, isLast: length == nil)
        inputStart += length ?? (input.count - inputStart)
        if length == nil { isInputEnded = true }
      }
    }
    compact()
  }

  private func compact() {
    if inputStart == input.count {
      input.removeAll(keepingCapacity: input.count <= 16384)
      inputStart = 0
    } else if inputStart > 16384 {
      input.removeFirst(inputStart)
      inputStart = 0
    }
  }

  /// Queues a message with its length.
  func append(_ message: UnsafeBufferPointer<UInt8>) {
    if isHTTP {
      output += HTTPFraming.head(message)
      output += message
      return
    }
    output.append(UInt8(message.count >> 8))
    output.append(UInt8(message.count & 0xFF))
    output += message
  }

  /// Sends what the socket takes; false when the connection broke.
  func flush(now: Int) -> Bool {
    while hasOutput {
      let count = output.withUnsafeBytes { bytes in
        let rest = UnsafeRawBufferPointer(rebasing: bytes[outputStart...])
        return tls?.write(rest) ?? send(descriptor, rest.baseAddress!, rest.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN
      }
      lastActivity = now
      outputStart += count
    }
    output.removeAll(keepingCapacity: output.count <= 65536)
    outputStart = 0
    return true
  }
}
