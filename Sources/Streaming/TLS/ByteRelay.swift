internal import Glibc
package import Linux

/// Carries bytes both ways between a client and a TLS connection, with a bounded buffer each way, until one side ends and
/// what it sent has been handed on, or until it is cancelled.
package final class ByteRelay: Sendable {
  /// Bytes that wait in each direction.
  private static let room = 64 * 1024
  /// Seconds that a client has to close its side once all was sent to it.
  private static let farewell = 30.0
  /// Seconds in which the last bytes of a client that has hung up are waited for.
  private static let remains = 0.2

  private let stopped: EventSignal
  /// Seconds without a byte after which it ends.
  private let idleLimit: Double

  package init(idleLimit: Double) throws(SystemError) {
    stopped = try EventSignal()
    self.idleLimit = idleLimit
  }

  /// Ends the relay. From any thread.
  package func cancel() { stopped.signal() }

  /// The client's side: a socket to whoever carries TLS for us, and the connection itself, which we only watch: that the
  /// client hangs up may not show on the socket (libmicrohttpd 0.9.75 does not close it).
  package struct Client: Sendable {
    package let socket: CInt
    package let connection: CInt

    package init(socket: CInt, connection: CInt) {
      self.socket = socket
      self.connection = connection
    }
  }

  private enum Phase {
    case open
    /// The node has ended, and the client has all of it: it closes next.
    case nodeEnded
    /// The client has hung up; what it sent before may still be on its way.
    case clientLeft
  }

  private struct Direction {
    var pending: ArraySlice<UInt8>
    var hasEnded = false
  }

  /// Runs to the end. The descriptors are borrowed; the socket becomes non-blocking.
  ///
  /// - Parameters:
  ///   - toClient: goes to the client before all else.
  ///   - toNode: goes to the connection before all else.
  package func run(_ client: Client, _ node: TLSConnection, toClient: [UInt8] = [], toNode: [UInt8] = []) {
    _ = fcntl(client.socket, F_SETFL, fcntl(client.socket, F_GETFL) | O_NONBLOCK)
    var down = Direction(pending: toClient[...])
    var up = Direction(pending: toNode[...])
    var phase = Phase.open
    var deadline = Time.monotonicSeconds + idleLimit
    while true {
      if phase == .open, down.hasEnded, down.pending.isEmpty {
        phase = .nodeEnded
        deadline = Time.monotonicSeconds + Self.farewell
      }
      if up.hasEnded, up.pending.isEmpty { return }
      let readsDown = phase == .open && !down.hasEnded && down.pending.count < Self.room
      let readsUp = !up.hasEnded && up.pending.count < Self.room
      var entries = [
        Self.entry(node.descriptor, reads: readsDown, writes: phase != .nodeEnded && !up.pending.isEmpty),
        Self.entry(client.socket, reads: readsUp, writes: phase == .open && !down.pending.isEmpty),
        pollfd(fd: stopped.raw, events: Int16(POLLIN), revents: 0),
        pollfd(fd: phase == .clientLeft ? -1 : client.connection, events: 0x2000, revents: 0),  // POLLRDHUP
      ]
      let left = deadline - Time.monotonicSeconds
      guard left > 0 else { return }
      let hasPending = readsDown && node.hasPending
      let count = poll(&entries, 4, hasPending ? 0 : CInt(min(left * 1000 + 1, 1e9)))
      if count < 0, errno != EINTR { return }
      if entries[2].revents != 0 { return }
      var moved = 0
      do {
        if readsDown, hasPending || entries[0].revents != 0 { moved += try Self.read(node, &down) }
        if readsUp, entries[1].revents != 0 { moved += try Self.read(client.socket, &up) }
        if phase == .open, !down.pending.isEmpty { moved += try Self.write(client.socket, &down) }
        if phase == .nodeEnded { up.pending = [] }
        if !up.pending.isEmpty {
          let count = try node.write(up.pending)
          up.pending = up.pending.dropFirst(count)
          moved += count
        }
      } catch {
        return
      }
      if entries[3].revents != 0 {
        // After the node's end this is what was waited for.
        if phase == .nodeEnded { return }
        phase = .clientLeft
        moved += 1
      }
      guard moved > 0 else { continue }
      switch phase {
      case .open: deadline = Time.monotonicSeconds + idleLimit
      case .clientLeft: deadline = Time.monotonicSeconds + Self.remains
      case .nodeEnded: break
      }
    }
  }

  private static func entry(_ descriptor: CInt, reads: Bool, writes: Bool) -> pollfd {
    let events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0)
    // One that nothing is asked of could still wake us by its end, again and again.
    return pollfd(fd: events == 0 ? -1 : descriptor, events: Int16(events), revents: 0)
  }

  /// How many bytes came.
  private static func read(_ connection: TLSConnection, _ direction: inout Direction) throws -> Int {
    switch try connection.read() {
    case .bytes(let bytes):
      direction.pending += bytes
      return bytes.count
    case .nothing: break
    case .end: direction.hasEnded = true
    }
    return 0
  }

  private static func read(_ socket: CInt, _ direction: inout Direction) throws -> Int {
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: 32 * 1024) { buffer, initialized in
      count = recv(socket, buffer.baseAddress, buffer.count, 0)
      initialized = max(0, count)
    }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return 0 }
      throw SystemError("recv")
    }
    if count == 0 { direction.hasEnded = true }
    direction.pending += bytes
    return count
  }

  private static func write(_ socket: CInt, _ direction: inout Direction) throws -> Int {
    let count = direction.pending.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return 0 }
      throw SystemError("send")
    }
    direction.pending = direction.pending.dropFirst(count)
    return count
  }
}
