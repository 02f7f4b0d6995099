internal import Glibc
internal import Linux
internal import Streaming
internal import Synchronization

/// What a node sends on its way to a client: a log that is read, or an upgraded connection in both directions.
final class NodeRelay: Sendable {
  /// Seconds without a byte after which a stream is given up, as a kubelet does.
  static let idleLimit = 4.0 * 3600

  private let stream: NodeStream
  private let relay: ByteRelay
  private let stopped: EventSignal
  /// Of a log: what has not been sent yet.
  private let pending: Mutex<[UInt8]>

  init(_ stream: NodeStream) throws(SystemError) {
    self.stream = stream
    relay = try ByteRelay(idleLimit: Self.idleLimit)
    stopped = try EventSignal()
    pending = Mutex(stream.rest)
  }

  /// Ends it. From any thread.
  func cancel() {
    relay.cancel()
    stopped.signal()
  }

  /// Carries an upgraded connection to its end; `early` is what the client has sent already.
  func run(_ client: ByteRelay.Client, early: [UInt8]) {
    relay.run(client, stream.connection, toClient: stream.rest, toNode: early)
    stream.connection.closeWrite()
  }

  /// The next bytes of a log, at most so many; empty at its end; nil if it broke, or if the client hung up.
  func read(_ count: Int, client: CInt) -> [UInt8]? {
    let early = pending.withLock { pending in
      let piece = Array(pending.prefix(count))
      pending.removeFirst(piece.count)
      return piece
    }
    if !early.isEmpty { return early }
    let deadline = Time.monotonicSeconds + Self.idleLimit
    while true {
      guard let input = try? stream.connection.read(count) else { return nil }
      switch input {
      case .bytes(let bytes): return bytes
      case .end: return []
      case .nothing: break
      }
      var entries = [
        pollfd(fd: stream.connection.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: client, events: 0x2000, revents: 0),  // POLLRDHUP, which Glibc's module lacks
        pollfd(fd: stopped.raw, events: Int16(POLLIN), revents: 0),
      ]
      let left = deadline - Time.monotonicSeconds
      guard left > 0 else { return nil }
      _ = poll(&entries, 3, CInt(min(left * 1000 + 1, 1e9)))
      if entries[1].revents != 0 || entries[2].revents != 0 { return nil }
    }
  }
}
