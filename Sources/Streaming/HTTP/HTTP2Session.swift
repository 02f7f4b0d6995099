internal import CNghttp2

/// The server's half of an HTTP/2 connection (RFC 9113) without its socket: bytes of the client in, requests out; answers
/// in, bytes for the client out. What a client can make it keep or do is bounded. Used by one thread at a time.
package final class HTTP2Session {
  /// What one client may have at once.
  package struct Limits: Sendable {
    /// Requests that are not answered yet.
    package var streams = 100
    /// Bytes of a request's fields, each with 32 more (RFC 9113 section 6.5.2); of more the answer is 431.
    package var head = 8192
    /// Bytes of a request's body; of more the answer is 413.
    package var body = 4096
    /// Bytes of all requests that are not whole yet; a stream that needs more is reset.
    package var held = 64 * 1024
    /// Bytes of answers that the client does not take; streams that would need more are reset.
    package var pending = 256 * 1024
    /// Frames that bring no request forward (PING, SETTINGS, RST_STREAM as ten, empty DATA …); the connection ends with
    /// ENHANCE_YOUR_CALM when there were so many more than answers times ten.
    package var idleFrames = 1000

    package init() {}
  }

  /// A whole request.
  package struct Request: Sendable {
    package var stream: Int32
    package var method: String
    /// Path and query.
    package var target: String
    /// Names in lower case; of a field that comes several times the last one.
    package var fields: [String: String]
    package var body: [UInt8]
  }

  final class Stream {
    var method = ""
    var target = ""
    var fields: [String: String] = [:]
    /// Bytes of its fields, as `Limits.head` counts them, and those that count in the session's `held`.
    var headSize = 0
    var held = 0
    var body: [UInt8] = []
    /// The status that refuses it, whatever else it brings.
    var refusal: Int?
    var isWhole = false
    /// Bytes of an answer, and how many are in frames.
    var answer: [UInt8]?
    var sent = 0
  }

  let limits: Limits
  var session: OpaquePointer?
  var streams: [Int32: Stream] = [:]
  /// Requests that are whole and refused streams, in their order, since the last call of `receive`.
  var ready: [Int32] = []
  /// Bytes that streams hold which are not answered, and those of answers that are not in frames.
  var held = 0
  var pending = 0
  var credit: Int
  private var isBroken = false

  package init(_ limits: Limits = Limits()) {
    self.limits = limits
    credit = limits.idleFrames
    isBroken = !start()
  }

  deinit { nghttp2_session_del(session) }

  /// Some answer is not in frames yet, because the client has not allowed for so many bytes.
  package var isAnswering: Bool { pending > 0 }

  /// Nothing more will come of this connection, in either direction, once `takeOutput` gave its last bytes.
  package var isDone: Bool {
    isBroken || (nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0)
  }

  /// Takes bytes of the client and gives the requests that are whole with them. Bytes that are no HTTP/2 make the session
  /// done; there may be a last word for the client in `takeOutput`.
  package func receive(_ bytes: UnsafeRawBufferPointer) -> [Request] {
    guard !isBroken else { return [] }
    let count = nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    if count < 0 { isBroken = true }
    if credit < 0, !isBroken { nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM.rawValue) }
    let numbers = ready
    ready = []
    return numbers.compactMap(request)
  }

  private func request(_ number: Int32) -> Request? {
    guard let stream = streams[number], stream.answer == nil else { return nil }
    if let status = stream.refusal {
      respond(number, status: status)
      return nil
    }
    release(stream)
    return Request(
      stream: number, method: stream.method, target: stream.target, fields: stream.fields, body: stream.body)
  }

  /// Answers a request; nothing happens where the client has given it up.
  ///
  /// - Parameter fields: names in lower case.
  package func respond(_ number: Int32, status: Int, fields: [(String, String)] = [], body: [UInt8] = []) {
    guard !isBroken, let stream = streams[number], stream.answer == nil else { return }
    release(stream)
    guard pending == 0 || pending + body.count <= limits.pending else {
      stream.answer = []
      return reset(number, NGHTTP2_REFUSED_STREAM)
    }
    stream.answer = body
    pending += body.count
    credit = min(credit + 10, limits.idleFrames)
    let all = [(":status", "\(status)")] + fields
    // One text after another: the library copies what it is given.
    let texts = all.flatMap { [Array($0.0.utf8), Array($0.1.utf8)] }
    var bytes = texts.flatMap { $0 }
    bytes.withUnsafeMutableBufferPointer { buffer in
      var start = 0
      var values: [nghttp2_nv] = []
      for index in stride(from: 0, to: texts.count, by: 2) {
        let (name, value) = (texts[index].count, texts[index + 1].count)
        values.append(
          nghttp2_nv(
            name: buffer.baseAddress! + start, value: buffer.baseAddress! + start + name, namelen: name,
            valuelen: value, flags: 0))
        start += name + value
      }
      var provider = nghttp2_data_provider()
      provider.read_callback = Self.readAnswer
      withUnsafePointer(to: &provider) { provider in
        _ = nghttp2_submit_response(session, number, values, values.count, body.isEmpty ? nil : provider)
      }
    }
  }

  func reset(_ number: Int32, _ code: nghttp2_error_code) {
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), number, code.rawValue)
  }

  /// Appends frames for the client until there are `room` bytes or none is left that the client allows for.
  package func takeOutput(_ output: inout [UInt8], room: Int) {
    while !isBroken, output.count < room {
      var data: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &data)
      if count < 0 { isBroken = true }
      guard count > 0, let data else { return }
      output += UnsafeBufferPointer(start: data, count: count)
    }
  }

  /// Asks the client to make its next requests elsewhere; those that are on their way are still taken.
  package func announceEnd() {
    if !isBroken { nghttp2_submit_shutdown_notice(session) }
  }

  /// Says which requests were the last ones; later ones are not looked at.
  package func end() {
    if !isBroken { nghttp2_session_terminate_session(session, NGHTTP2_NO_ERROR.rawValue) }
  }

  /// Counts a stream's bytes no more among those that are held.
  func release(_ stream: Stream) {
    held -= stream.held
    stream.held = 0
  }
}
