internal import CMicrohttpd
internal import Glibc
internal import Kubernetes
internal import Linux

/// A request while its body comes in.
private final class HTTPExchange {
  /// Path and query as they came; what libmicrohttpd hands over later is decoded already.
  let target: String
  /// The header has been seen.
  var isBegun = false
  var body: [UInt8] = []
  var isTooLarge = false
  /// What is to be let go of when the request is over, however it ends.
  var held: AnyObject?

  init(target: String) { self.target = target }
}

/// The first thing libmicrohttpd calls for a request; what it returns comes back in the slot of the other calls.
func beginHTTP(
  _ context: UnsafeMutableRawPointer?, _ uri: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  if let context, let connection {
    Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().connections.entered(.header, connection)
  }
  return Unmanaged.passRetained(HTTPExchange(target: uri.map { String(cString: $0) } ?? "/")).toOpaque()
}

/// A watch while it is sent.
private final class HTTPWatch {
  let server: HTTPServer
  let stream: WatchStream
  let socket: CInt
  /// Lines that did not fit into the last piece.
  var pending: ArraySlice<UInt8> = []
  /// On the monotonic clock, in milliseconds: changes are left to gather until then.
  var notBefore = 0

  init(server: HTTPServer, stream: WatchStream, socket: CInt) {
    self.server = server
    self.stream = stream
    self.socket = socket
  }

  /// Fills a piece of the answer; waits for events on the connection's own thread, and for the client to hang up.
  func read(_ buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
    while pending.isEmpty {
      let pause = notBefore - Time.monotonicMilliseconds
      if pause > 0 {
        var gone = pollfd(fd: socket, events: swiftlet_POLLRDHUP, revents: 0)
        if poll(&gone, 1, CInt(clamping: pause)) > 0 { return swiftlet_MHD_CONTENT_READER_END_WITH_ERROR }
      }
      switch stream.next() {
      case .data(let bytes):
        pending = bytes[...]
        let pace = stream.pace
        if pace > 0 { notBefore = Time.monotonicMilliseconds + pace }
      case .end: return swiftlet_MHD_CONTENT_READER_END_OF_STREAM
      case .wait(let milliseconds):
        var wanted = [
          pollfd(fd: stream.descriptor, events: Int16(POLLIN), revents: 0),
          pollfd(fd: socket, events: swiftlet_POLLRDHUP, revents: 0),
        ]
        poll(&wanted, 2, CInt(clamping: max(milliseconds, 0)))
        if wanted[1].revents != 0 { return swiftlet_MHD_CONTENT_READER_END_WITH_ERROR }
      }
    }
    let count = min(size, pending.count)
    _ = pending.withUnsafeBytes { memcpy(buffer, $0.baseAddress!, count) }
    pending = pending.dropFirst(count)
    return count
  }
}

/// libmicrohttpd calls this once for the header, once for each piece of the body, and once at its end.
func answerHTTP(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ data: UnsafePointer<CChar>?,
  _ size: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let context, let connection, let method, let size, let state = slot?.pointee else { return swiftlet_MHD_NO }
  let exchange = Unmanaged<HTTPExchange>.fromOpaque(state).takeUnretainedValue()
  if !exchange.isBegun {
    exchange.isBegun = true
    Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().connections.entered(.body, connection)
    return swiftlet_MHD_YES
  }
  if size.pointee > 0 {
    if exchange.body.count + size.pointee > HTTPServer.bodyLimit {
      exchange.isTooLarge = true
      exchange.body = []
    } else if let data, !exchange.isTooLarge {
      exchange.body += UnsafeRawBufferPointer(start: data, count: size.pointee)
    }
    size.pointee = 0
    return swiftlet_MHD_YES
  }
  let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
  server.connections.entered(.answer, connection)
  let answer: APIAnswer
  if exchange.isTooLarge {
    let message = "Request entity too large: limit is \(HTTPServer.bodyLimit)"
    answer = .response(.status(StatusError(413, "RequestEntityTooLarge", message)))
  } else {
    answer = server.answer(
      APIRequest(
        String(cString: method), exchange.target, headers: headers(connection), body: exchange.body),
      certificate: peerCertificate(connection))
  }
  exchange.body = []
  return send(answer, exchange, connection, server)
}

private func peerCertificate(_ connection: OpaquePointer) -> [UInt8]? {
  var size = 0
  guard let start = swiftlet_mhd_peer_certificate(connection, &size) else { return nil }
  return Array(UnsafeBufferPointer(start: start, count: size))
}

private func headers(_ connection: OpaquePointer) -> [String: String] {
  var headers: [String: String] = [:]
  withUnsafeMutablePointer(to: &headers) { pointer in
    _ = MHD_get_connection_values(connection, swiftlet_MHD_HEADER_KIND, collectHeader, pointer)
  }
  return headers
}

private func collectHeader(
  _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ key: UnsafePointer<CChar>?,
  _ value: UnsafePointer<CChar>?
) -> MHD_Result {
  guard let context, let key else { return swiftlet_MHD_YES }
  let headers = context.assumingMemoryBound(to: [String: String].self)
  let name = String(cString: key).lowercased()
  let text = value.map { String(cString: $0) } ?? ""
  // A field that comes several times is a list (RFC 9110 section 5.3).
  if let earlier = headers.pointee[name] {
    headers.pointee[name] = earlier + "," + text
  } else {
    headers.pointee[name] = text
  }
  return swiftlet_MHD_YES
}

private func send(_ answer: APIAnswer, _ exchange: HTTPExchange, _ connection: OpaquePointer, _ server: HTTPServer)
  -> MHD_Result
{
  let status: Int
  let response: OpaquePointer?
  switch answer {
  case .response(let whole):
    status = whole.status
    response = whole.body.withUnsafeBytes { bytes in
      // Copied: libmicrohttpd sends after this function returned.
      MHD_create_response_from_buffer(
        bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!),
        swiftlet_MHD_RESPMEM_MUST_COPY)
    }
    for (name, value) in whole.headers { MHD_add_response_header(response, name, value) }
  case .watch(let stream):
    status = 200
    server.began(stream)
    swiftlet_mhd_set_timeout(connection, 0)
    let socket = swiftlet_mhd_socket(connection)
    let watch = HTTPWatch(server: server, stream: stream, socket: socket)
    response = MHD_create_response_from_callback(
      swiftlet_MHD_SIZE_UNKNOWN, 32 * 1024, readWatch, Unmanaged.passRetained(watch).toOpaque(), freeWatch)
    MHD_add_response_header(response, "content-type", "application/json")
  case .node(let request):
    do throws(StatusError) {
      let stream = try server.open(request)
      return sendNodeStream(stream, isUpgrade: request.isUpgrade, connection, server) { exchange.held = $0 }
    } catch {
      return send(.response(.status(error)), exchange, connection, server)
    }
  }
  guard let response else { return swiftlet_MHD_NO }
  let result = MHD_queue_response(connection, UInt32(status), response)
  MHD_destroy_response(response)
  return result
}

private func readWatch(
  _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  guard let context, let buffer else { return swiftlet_MHD_CONTENT_READER_END_WITH_ERROR }
  return Unmanaged<HTTPWatch>.fromOpaque(context).takeUnretainedValue().read(buffer, size)
}

private func freeWatch(_ context: UnsafeMutableRawPointer?) {
  guard let context else { return }
  let watch = Unmanaged<HTTPWatch>.fromOpaque(context).takeRetainedValue()
  watch.server.ended(watch.stream)
}

func completeHTTP(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
  guard let state = slot?.pointee else { return }
  if let connection, let context {
    let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
    swiftlet_mhd_set_timeout(connection, server.idleSeconds)
    server.connections.entered(.idle, connection)
  }
  Unmanaged<HTTPExchange>.fromOpaque(state).release()
  slot?.pointee = nil
}

/// libmicrohttpd calls this when it has accepted a connection, and before it closes one.
func connectionEvent(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ event: MHD_ConnectionNotificationCode
) {
  guard let context, let connection else { return }
  let connections = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().connections
  if event == swiftlet_MHD_STARTED {
    connections.began(connection, socket: swiftlet_mhd_socket(connection))
  } else {
    connections.ended(connection)
  }
}
