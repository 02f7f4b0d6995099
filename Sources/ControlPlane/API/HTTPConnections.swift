internal import Glibc
internal import Linux
internal import Synchronization

/// What a client may take of the server before it is hung up on.
package struct HTTPLimits: Sendable {
  /// Connections at once. When they are taken, a new one costs the oldest that has no request under way.
  package var connections = 4096
  /// Connections beyond that which are accepted before those that were hung up on have ended: twice what the kernel
  /// keeps waiting.
  static let burst = 1024
  /// Seconds for the TLS handshake and a request's header.
  package var headerSeconds = 30.0
  /// Seconds for a request's body.
  package var bodySeconds = 60.0
  /// Seconds a connection may be kept without a request.
  package var idleSeconds = 300.0
  /// Seconds for a client to take what was sent, before it counts as gone.
  package var writeSeconds = 60.0

  package init() {}
}

/// The server's connections and what each is waited for. A client that is too slow is hung up on: its socket is shut
/// down, at which the connection's own thread ends. libmicrohttpd's timeout alone would begin anew with every byte.
final class HTTPConnections: Sendable {
  enum Phase: Sendable {
    /// The handshake or a header is coming in.
    case header
    case body
    /// A request is under way.
    case answer
    /// A log or a terminal is streamed, which people read as slowly as they like (`kubectl logs -f | less`).
    case stream
    /// Between requests.
    case idle
  }

  private struct Connection {
    let socket: CInt
    var phase: Phase
    /// On the monotonic clock, in seconds.
    var since: Double
    /// Shut down already; its thread has not ended yet.
    var isHungUp = false
  }

  private let limits: HTTPLimits
  private let connections = Mutex<[UInt: Connection]>([:])
  private let ending: EventSignal
  private let thread = Mutex<Linux.Thread?>(nil)

  init(limits: HTTPLimits) throws(SystemError) {
    self.limits = limits
    ending = try EventSignal()
  }

  func start() {
    thread.withLock { thread in
      if thread == nil { thread = Linux.Thread("http-limits", stackSize: 256 * 1024) { self.run() } }
    }
  }

  func stop() {
    ending.signal()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  /// A connection was accepted.
  func began(_ connection: OpaquePointer, socket: CInt) {
    Self.configure(socket, limits)
    connections.withLock { connections in
      if connections.count >= limits.connections { Self.makeRoom(&connections, limits.connections) }
      connections[UInt(bitPattern: connection)] = Connection(
        socket: socket, phase: .header, since: Time.monotonicSeconds)
    }
  }

  /// A connection is about to be closed.
  func ended(_ connection: OpaquePointer) {
    connections.withLock { _ = $0.removeValue(forKey: UInt(bitPattern: connection)) }
  }

  func entered(_ phase: Phase, _ connection: OpaquePointer) {
    connections.withLock { connections in
      guard let index = connections.index(forKey: UInt(bitPattern: connection)) else { return }
      if (connections.values[index].phase == .stream) != (phase == .stream) {
        Self.giveUp(connections.values[index].socket, after: phase == .stream ? 0 : limits.writeSeconds)
      }
      connections.values[index].phase = phase
      connections.values[index].since = Time.monotonicSeconds
    }
  }

  /// Lets the kernel close a connection whose peer takes nothing for so long, also with a closed window (tcp(7),
  /// TCP_USER_TIMEOUT); 0 waits for a peer that lives.
  private static func giveUp(_ socket: CInt, after seconds: Double) {
    var milliseconds = CInt(seconds * 1000)
    setsockopt(
      socket, CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, socklen_t(MemoryLayout<CInt>.size))
  }

  /// Lets the kernel notice a peer that is silent or takes nothing.
  private static func configure(_ socket: CInt, _ limits: HTTPLimits) {
    for (level, option, value) in [
      (SOL_SOCKET, SO_KEEPALIVE, 1), (CInt(IPPROTO_TCP), TCP_KEEPIDLE, 30), (CInt(IPPROTO_TCP), TCP_KEEPINTVL, 10),
      (CInt(IPPROTO_TCP), TCP_KEEPCNT, 3),
    ] as [(CInt, CInt, CInt)] {
      var value = value
      setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
    giveUp(socket, after: limits.writeSeconds)
  }

  /// Hangs up on whoever has waited longest without a request.
  private static func makeRoom(_ connections: inout [UInt: Connection], _ limit: Int) {
    let alive = connections.filter { !$0.value.isHungUp }
    guard alive.count >= limit else { return }
    let waiting = alive.filter { $0.value.phase == .idle || $0.value.phase == .header }
    guard let oldest = waiting.min(by: { $0.value.since < $1.value.since }) else { return }
    shutdown(oldest.value.socket, CInt(SHUT_RDWR))
    connections[oldest.key]?.isHungUp = true
  }

  private func run() {
    while true {
      var wanted = pollfd(fd: ending.raw, events: Int16(POLLIN), revents: 0)
      if poll(&wanted, 1, 500) > 0 { return }
      let now = Time.monotonicSeconds
      // Under the lock, so that no socket is closed and its number given to another meanwhile.
      connections.withLock { connections in
        for connection in connections.values where now - connection.since > limit(connection.phase) {
          shutdown(connection.socket, CInt(SHUT_RDWR))
        }
      }
    }
  }

  private func limit(_ phase: Phase) -> Double {
    switch phase {
    case .header: limits.headerSeconds
    case .body: limits.bodySeconds
    case .answer, .stream: .infinity
    case .idle: limits.idleSeconds
    }
  }
}
