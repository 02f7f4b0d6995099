internal import Streaming

extension TCPConnection {
  /// Takes whole requests of HTTP/1.1.
  func takeRequests(_ body: (UnsafeBufferPointer<UInt8>, Int32) -> Bool) {
    while waiting == 0, !isClosed, inputStart < input.count {
      switch HTTPFraming.request(input[inputStart...]) {
      case .incomplete: return compact()
      case .question(let message, let length):
        inputStart += length
        // What gets no answer in DNS gets one here.
        if !message.withUnsafeBufferPointer({ body($0, 0) }) { output += HTTPFraming.refusal(400, isLast: false) }
      case .refused(let status, let length):
        output += HTTPFraming.refusal(status, isLast: length == nil)
        inputStart += length ?? (input.count - inputStart)
        if length == nil { isInputEnded = true }
      }
    }
    compact()
  }

  /// Takes whole requests of HTTP/2, of which several may wait.
  func takeRequests(_ session: HTTP2Session, now: Int, _ body: (UnsafeBufferPointer<UInt8>, Int32) -> Bool) {
    guard inputStart < input.count else { return }
    let requests = input.withUnsafeBytes { session.receive(UnsafeRawBufferPointer(rebasing: $0[inputStart...])) }
    inputStart = input.count
    compact()
    for request in requests where !isClosed {
      lastActivity = now
      let meaning = HTTPFraming.question(
        request.method, request.target, contentType: request.fields["content-type"], body: request.body)
      var status = 400
      switch meaning {
      case .question(let message):
        if message.withUnsafeBufferPointer({ body($0, request.stream) }) { continue }
      case .refused(let refusal): status = refusal
      }
      session.respond(request.stream, status: status, fields: HTTPFraming.refusalFields(status))
    }
  }

  /// The server is stopping: the client of a connection that can tell is to make its next requests elsewhere.
  func announceEnd() { http2?.announceEnd() }

  /// Says goodbye as far as the socket takes it, and closes.
  func end(now: Int) {
    http2?.end()
    _ = flush(now: now)
    close()
  }
}
