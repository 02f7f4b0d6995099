internal import Glibc
package import JSON
package import Linux
internal import Synchronization

/// Answers whoever asks what the agent is doing, on a unix socket that only root may use, by lines: the request is
/// `status` or what else the agent knows, the answer one line of JSON, after which the connection is closed. A loop on a
/// thread of its own, so that no plane waits for it.
package final class AgentStatusServer: Sendable {
  /// Longer requests are refused.
  private static let longestRequest = 1024
  /// More connections at once wait in the backlog.
  private static let mostConnections = 32
  /// Seconds after which a connection is closed that does not ask or does not read.
  private static let patience = 10.0

  private let loop: EventLoop
  private let path: String
  private let thread: Mutex<Linux.Thread?> = Mutex(nil)

  /// Listens at once; answers from `start` on. A socket that an earlier agent left is replaced; one that an agent answers
  /// on is an error (EADDRINUSE).
  ///
  /// - Parameter status: called on the server's thread for each question.
  /// - Parameter answer: called for any other question; nil for one that is not understood.
  package init(
    path: String, status: @escaping @Sendable () -> JSON,
    answer: @escaping @Sendable (String) -> JSON? = { _ in nil }
  ) throws(SystemError) {
    try Files.makeDirectories(Files.parent(of: path))
    self.path = path
    loop = try EventLoop()
    let connections = Connections(listener: try UnixSocket.listen(path), loop: loop, status: status, answer: answer)
    try connections.listen()
  }

  package func start() {
    thread.withLock { thread in
      thread = Linux.Thread("agent-status") { [loop] in
        do { try loop.run() } catch { Log("agent status").error("\(error); status is not told any more") }
      }
    }
  }

  /// Removes the socket, so that a question finds plainly that no agent runs.
  package func stop() {
    loop.stop()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    try? Files.remove(path)
  }

  /// The listener and its connections; all of it belongs to the loop, whose handlers hold it.
  private final class Connections {
    private final class Connection {
      let descriptor: FileDescriptor
      var request: [UInt8] = []
      var answer: [UInt8]?
      var sent = 0
      var timer: EventLoop.Timer?
      init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    private let listener: FileDescriptor
    private unowned let loop: EventLoop
    private let status: @Sendable () -> JSON
    private let answer: @Sendable (String) -> JSON?
    private var open: [CInt: Connection] = [:]

    init(
      listener: consuming FileDescriptor, loop: EventLoop, status: @escaping @Sendable () -> JSON,
      answer: @escaping @Sendable (String) -> JSON?
    ) {
      self.answer = answer
      self.listener = listener
      self.loop = loop
      self.status = status
    }

    func listen() throws(SystemError) { try loop.add(listener.raw, .readable) { _ in self.accept() } }

    private func accept() {
      while open.count < AgentStatusServer.mostConnections {
        do {
          guard let descriptor = try UnixSocket.accept(listener.raw) else { return }
          try take(Connection(descriptor))
        } catch {
          return Log("agent status").warning("\(error)")
        }
      }
      loop.remove(listener.raw)
    }

    private func take(_ connection: Connection) throws(SystemError) {
      let raw = connection.descriptor.raw
      try loop.add(raw, .readable) { _ in self.proceed(connection) }
      open[raw] = connection
      connection.timer = loop.schedule(after: AgentStatusServer.patience) { self.close(connection) }
    }

    private func close(_ connection: Connection) {
      if let timer = connection.timer { loop.cancel(timer) }
      loop.remove(connection.descriptor.raw)
      let wasFull = open.count >= AgentStatusServer.mostConnections
      open[connection.descriptor.raw] = nil
      if wasFull { try? listen() }
    }

    private func proceed(_ connection: Connection) {
      if connection.answer == nil { read(connection) }
      if connection.answer != nil { write(connection) }
    }

    private func read(_ connection: Connection) {
      var chunk = [UInt8](repeating: 0, count: AgentStatusServer.longestRequest + 1)
      let count = Glibc.read(connection.descriptor.raw, &chunk, chunk.count)
      if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
      guard count > 0 else { return close(connection) }
      connection.request += chunk[..<count]
      if let end = connection.request.firstIndex(of: UInt8(ascii: "\n")) {
        let request = String(decoding: connection.request[..<end], as: UTF8.self)
        let answer: JSON =
          request == "status"
          ? status()
          : answer(request)
            ?? [
              "error": .string("found the request \"\(request)\", expected \"status\", \"services\" or \"dns-query\"")
            ]
        connection.answer = answer.bytes() + [UInt8(ascii: "\n")]
      } else if connection.request.count > AgentStatusServer.longestRequest {
        close(connection)
      }
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
          do { try loop.change(raw, .writable) } catch { close(connection) }
          return
        }
        guard count > 0 else { return close(connection) }
        connection.sent += count
      }
      close(connection)
    }
  }
}
