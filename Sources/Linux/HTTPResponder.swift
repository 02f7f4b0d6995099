package import Addressing
internal import CLinux
internal import Glibc
internal import Synchronization

/// Answers GET and HEAD requests of HTTP/1.0 and 1.1 (RFC 9112) at a few ports: health checks and metrics. One request a
/// connection, a loop on a thread of its own; requests are read no further than the end of their header, with bounds on
/// its size, on how long it may take, and on how many connections there are.
package final class HTTPResponder: Sendable {
  package struct Question: Sendable {
    /// Without what follows a question mark.
    package var path: String
    /// The port that was asked.
    package var port: UInt16

    package init(path: String, port: UInt16) {
      self.path = path
      self.port = port
    }
  }

  package struct Answer: Sendable {
    /// A status code of RFC 9110 section 15.
    package var status: Int
    package var contentType: String
    package var headers: [(name: String, value: String)]
    package var body: String

    package init(
      _ status: Int, _ body: String, contentType: String = "text/plain; charset=utf-8",
      headers: [(name: String, value: String)] = []
    ) {
      self.status = status
      self.body = body
      self.contentType = contentType
      self.headers = headers
    }
  }

  static let longestHeader = 8192
  static let mostConnections = 128
  /// Seconds after which a connection is closed that does not ask or does not read.
  static let patience = 5.0

  private let loop: EventLoop
  private let log: Log
  private let listeners: HTTPListeners
  private let thread: Mutex<Thread?> = Mutex(nil)

  /// Nothing is listened on before `listen`. `answer` is called on the responder's thread and should be quick.
  package init(_ name: String, answer: @escaping @Sendable (Question) -> Answer) throws(SystemError) {
    loop = try EventLoop()
    log = Log(name)
    listeners = HTTPListeners(loop, answer)
  }

  package func start() {
    thread.withLock { thread in
      thread = Thread("http") { [loop, log] in
        do { try loop.run() } catch { log.error("\(error); nothing is answered any more") }
      }
    }
  }

  /// Listens at exactly these from now on; those it listens at already are left alone. What cannot be listened at is logged
  /// and tried again with the next call.
  package func listen(_ addresses: Set<AddressAndPort>) {
    loop.perform { [listeners, log] in
      for problem in listeners.set(addresses) { log.warning("\(problem)") }
    }
  }

  package func stop() {
    loop.stop()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }
}

extension HTTPResponder.Answer {
  /// RFC 9112 section 2.1.
  func bytes(withBody: Bool) -> [UInt8] {
    let text = Array(body.utf8)
    let reason = [
      200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable",
    ]
    var head = "HTTP/1.1 \(status) \(reason[status] ?? "")\r\nContent-Type: \(contentType)\r\n"
    head += "Content-Length: \(text.count)\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
    for header in headers { head += "\(header.name): \(header.value)\r\n" }
    return Array((head + "\r\n").utf8) + (withBody ? text : [])
  }
}
