internal import Glibc
package import Linux
internal import Synchronization

/// Lets `swiftlet server backup` reach the store of a running server, on a unix socket that only root may use: the request
/// is `backup PATH` and a newline, the answer `ok BYTES` or `error TEXT`.
package final class BackupServer: Sendable {
  /// The socket's name in the data folder.
  package static let socketName = "backup.sock"
  /// Longer requests are refused.
  private static let longestRequest = 4200
  /// Seconds for a client to send its request.
  private static let patience = 5.0

  private let store: ObjectStore
  private let path: String
  private let listener: Linux.FileDescriptor
  private let ending: EventSignal
  private let thread = Mutex<Linux.Thread?>(nil)

  /// Listens at once; answers from `start` on.
  package init(_ store: ObjectStore, path: String) throws(SystemError) {
    self.store = store
    self.path = path
    listener = try UnixSocket.listen(path)
    ending = try EventSignal()
  }

  package func start() {
    thread.withLock { $0 = Linux.Thread("backup", stackSize: 1 << 20) { self.run() } }
  }

  /// Waits for a backup in progress, and removes the socket.
  package func stop() {
    ending.signal()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    try? Files.remove(path)
  }

  private func run() {
    while ending.wait(or: listener.raw) {
      guard let connection = try? UnixSocket.accept(listener.raw) else { continue }
      let answer: String
      do { answer = "ok \(try store.backup(to: try request(connection.raw)))\n" } catch { answer = "error \(error)\n" }
      try? connection.writeAll(Array(answer.utf8))
    }
  }

  /// The path a client sends.
  private func request(_ connection: CInt) throws -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: Self.longestRequest)
    let deadline = Time.monotonicSeconds + Self.patience
    while bytes.last != 0x0A {
      var wanted = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
      let left = max(0, (deadline - Time.monotonicSeconds) * 1000)
      guard poll(&wanted, 1, CInt(left)) != 0 else {
        throw SystemError("wait for a request", code: ETIMEDOUT)
      }
      let count = recv(connection, &piece, piece.count, CInt(MSG_DONTWAIT))
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0, bytes.count + count <= Self.longestRequest else {
        throw SystemError("read a request", code: count == 0 ? EPIPE : EMSGSIZE)
      }
      bytes += piece[..<count]
    }
    guard let text = String(validating: bytes.dropLast(), as: UTF8.self), text.hasPrefix("backup /") else {
      throw SystemError("read a request: expected \"backup\" and an absolute path", code: EBADMSG)
    }
    return String(text.dropFirst("backup ".count))
  }
}

/// A backup as a command asks for it: of a running server through its socket, or of the file where no server runs.
package enum BackupClient {
  /// Returns the size of the copy in bytes. `path` is absolute.
  package static func run(dataFolder: String, database: String, to path: String) throws -> Int {
    guard let socket = try connect(dataFolder) else {
      // Nobody listens, so nobody serves; if somebody has the store open all the same, the store says so.
      guard Files.exists(database) else {
        throw StoreError(database, "does not exist; name its folder with --data-dir")
      }
      return try ObjectStore(path: database).backup(to: path)
    }
    try socket.writeAll(Array("backup \(path)\n".utf8))
    let answer = String(decoding: try socket.readAll(), as: UTF8.self).split(separator: "\n").first ?? ""
    if answer.hasPrefix("ok "), let size = Int(answer.dropFirst(3)) { return size }
    throw StoreError(
      database, "was not copied: \(answer.isEmpty ? "the server closed the connection; see its log" : "\(answer)")")
  }

  /// A connection to the server; nil where none runs.
  private static func connect(_ dataFolder: String) throws -> Linux.FileDescriptor? {
    do {
      return try UnixSocket.connect("\(dataFolder)/\(BackupServer.socketName)", timeout: 600)
    } catch {
      guard error.code == ENOENT || error.code == ECONNREFUSED else { throw error }
      return nil
    }
  }
}
