import Glibc
import Kubernetes
import Linux
import Synchronization

/// An HTTP/1.1 server on loopback for tests: it counts connections and answers by a closure that writes raw bytes.
final class TinyServer: Sendable {
  struct Request: Sendable {
    var line: String
    var headers: [String]
    var body: String
  }

  let port: UInt16
  private let listener: CInt
  private let counter = Mutex(0)
  var connections: Int { counter.withLock { $0 } }

  /// `respond` answers with bytes and whether the connection stays open; nil leaves the client waiting.
  init(_ respond: @escaping @Sendable (Request, CInt) -> Bool) throws {
    var descriptor = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue)).release()
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try withUnsafeMutablePointer(to: &address) { pointer throws in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer throws in
        try check("bind") { bind(descriptor, pointer, length) }
        try check("listen") { listen(descriptor, 16) }
        try check("getsockname") { getsockname(descriptor, pointer, &length) }
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    listener = descriptor
    descriptor = -1
    let accepting = listener
    _ = Thread("tiny-accept") { [weak self] in
      while true {
        let connection = accept(accepting, nil, nil)
        if connection < 0 { return }
        self?.counter.withLock { $0 += 1 }
        _ = Thread("tiny-serve") { Self.serve(connection, respond) }
      }
    }
  }

  func stop() { shutdown(listener, CInt(SHUT_RDWR)) }

  static func write(_ connection: CInt, _ text: String) {
    let bytes = Array(text.utf8)
    _ = send(connection, bytes, bytes.count, CInt(MSG_NOSIGNAL))
  }

  private static func serve(_ connection: CInt, _ respond: @Sendable (Request, CInt) -> Bool) {
    defer { close(connection) }
    var pending: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      while !String(decoding: pending, as: UTF8.self).contains("\r\n\r\n") {
        let count = recv(connection, &chunk, chunk.count, 0)
        if count <= 0 { return }
        pending += chunk[..<count]
      }
      let text = String(decoding: pending, as: UTF8.self)
      var headers: [String] = []
      var headerLength = 0
      for line in text.split(separator: "\r\n", omittingEmptySubsequences: false) {
        headerLength += line.utf8.count + 2
        if line.isEmpty { break }
        headers.append(String(line))
      }
      let length =
        headers.first { $0.lowercased().hasPrefix("content-length:") }
        .flatMap { Int($0.dropFirst(15).filter(\.isNumber)) } ?? 0
      while pending.count < headerLength + length {
        let count = recv(connection, &chunk, chunk.count, 0)
        if count <= 0 { return }
        pending += chunk[..<count]
      }
      let body = String(decoding: pending[headerLength..<headerLength + length], as: UTF8.self)
      pending.removeFirst(headerLength + length)
      let request = Request(line: headers[0], headers: Array(headers.dropFirst()), body: body)
      if !respond(request, connection) { return }
    }
  }
}
