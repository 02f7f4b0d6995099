internal import Addressing
internal import CLinux
internal import Glibc

/// The sockets of an `HTTPResponder`.
final class HTTPListeners: @unchecked Sendable {
  // @unchecked: all of it belongs to the loop's thread.
  private final class Connection {
    let descriptor: FileDescriptor
    let port: UInt16
    var request: [UInt8] = []
    var answer: [UInt8]?
    var sent = 0
    var timer: EventLoop.Timer?

    init(_ descriptor: consuming FileDescriptor, port: UInt16) {
      self.descriptor = descriptor
      self.port = port
    }
  }
  private final class Socket {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  // The loop outlives its handlers, which hold this.
  private unowned let loop: EventLoop
  private let answer: @Sendable (HTTPResponder.Question) -> HTTPResponder.Answer
  private var listening: [AddressAndPort: Socket] = [:]
  private var open: [CInt: Connection] = [:]

  init(_ loop: EventLoop, _ answer: @escaping @Sendable (HTTPResponder.Question) -> HTTPResponder.Answer) {
    self.loop = loop
    self.answer = answer
  }

  /// Returns why single addresses cannot be listened at.
  func set(_ wanted: Set<AddressAndPort>) -> [SystemError] {
    for (address, socket) in listening where !wanted.contains(address) {
      loop.remove(socket.descriptor.raw)
      listening[address] = nil
    }
    var problems: [SystemError] = []
    for address in wanted where listening[address] == nil {
      do { listening[address] = try listen(address) } catch { problems.append(error) }
    }
    return problems
  }

  private func listen(_ address: AddressAndPort) throws(SystemError) -> Socket {
    let socket = Socket(
      try FileDescriptor.socket(
        address.address.family.socketDomain, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)))
    let raw = socket.descriptor.raw
    var on: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, size)
    // Both families' listeners have the same port.
    if address.address.family == .v6 { setsockopt(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
    try check("bind \(address)/tcp") { SocketAddress(address).bind(raw) }
    try check("listen on \(address)/tcp") { Glibc.listen(raw, 128) }
    try loop.add(raw, .readable) { _ in self.accept(raw, address.port) }
    return socket
  }

  private func accept(_ listener: CInt, _ port: UInt16) {
    while true {
      let raw = swiftlet_accept(listener)
      if raw == -EINTR || raw == -ECONNABORTED { continue }
      guard raw >= 0 else { return }
      let connection = Connection(FileDescriptor(owning: raw), port: port)
      // More than these at once are turned away: whoever asks for health asks again.
      if open.count >= HTTPResponder.mostConnections { continue }
      guard (try? loop.add(raw, .readable) { _ in self.proceed(connection) }) != nil else { continue }
      open[raw] = connection
      connection.timer = loop.schedule(after: HTTPResponder.patience) { self.close(connection) }
    }
  }

  private func close(_ connection: Connection) {
    if let timer = connection.timer { loop.cancel(timer) }
    loop.remove(connection.descriptor.raw)
    open[connection.descriptor.raw] = nil
  }

  private func proceed(_ connection: Connection) {
    if connection.answer == nil { read(connection) }
    if connection.answer != nil { write(connection) }
  }

  private func read(_ connection: Connection) {
    var chunk = [UInt8](repeating: 0, count: 2048)
    let count = Glibc.read(connection.descriptor.raw, &chunk, chunk.count)
    if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
    guard count > 0 else { return close(connection) }
    connection.request += chunk[..<count]
    if let request = HTTPRequestLine(header: connection.request) {
      connection.answer = answer(to: request, port: connection.port)
    } else if connection.request.count > HTTPResponder.longestHeader {
      close(connection)
    }
  }

  private func answer(to request: HTTPRequestLine, port: UInt16) -> [UInt8] {
    guard request.isValid else { return HTTPResponder.Answer(400, "this is no HTTP/1 request\n").bytes(withBody: true) }
    guard request.method == "GET" || request.method == "HEAD" else {
      return HTTPResponder.Answer(405, "GET or HEAD, please\n", headers: [("Allow", "GET, HEAD")])
        .bytes(withBody: true)
    }
    return answer(HTTPResponder.Question(path: request.path, port: port)).bytes(withBody: request.method == "GET")
  }

  private func write(_ connection: Connection) {
    guard let answer = connection.answer else { return }
    let raw = connection.descriptor.raw
    while connection.sent < answer.count {
      let sent = connection.sent
      let count = answer.withUnsafeBytes {
        send(raw, $0.baseAddress! + sent, $0.count - sent, CInt(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN {
        if (try? loop.change(raw, .writable)) == nil { close(connection) }
        return
      }
      guard count > 0 else { return close(connection) }
      connection.sent += count
    }
    // Closing with unread bytes would reset the connection, and the answer with it.
    shutdown(raw, CInt(SHUT_WR))
    close(connection)
  }
}

/// The first line of a request (RFC 9112 section 3).
package struct HTTPRequestLine: Hashable, Sendable {
  package var method = ""
  package var path = ""
  package var isValid = false

  /// nil while the header is not complete.
  package init?(header bytes: [UInt8]) {
    guard let end = Self.end(bytes) else { return nil }
    let line = bytes[..<end].prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
    let words = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/"), !words[0].isEmpty else { return }
    method = String(words[0])
    path = String(words[1].prefix { $0 != "?" })
    isValid = true
  }

  /// Where the empty line ends the header.
  private static func end(_ bytes: [UInt8]) -> Int? {
    var newlines = 0
    for (index, byte) in bytes.enumerated() {
      if byte == UInt8(ascii: "\n") {
        newlines += 1
        if newlines == 2 { return index }
      } else if byte != UInt8(ascii: "\r") {
        newlines = 0
      }
    }
    return nil
  }
}
