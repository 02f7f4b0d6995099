internal import CLinux
internal import Glibc
package import Linux

/// The tiny server that stands in for an application in the lab: it listens on the container's ports and answers with
/// what it saw. One thread, bounded memory.
package final class StandInServer {
  /// As many connections as are served at once; more wait in the kernel's queue.
  package static let maximumConnections = 1000
  /// How long new connections and datagrams are still served after SIGTERM, in seconds. A pod is told to end at the
  /// moment it leaves its Services, and every node learns of that a little later: a server that stops listening at once
  /// loses the requests in between, and one that is well behaved waits (the Kubernetes documentation, "Pod Lifecycle",
  /// termination of Pods).
  static let farewellSeconds = 1.0
  /// How long connections that are at work may go on after that, in seconds.
  static let drainSeconds = 5.0

  private let options: StandInOptions
  private let loop: EventLoop
  private var listeners: [Listener] = []
  private var connections: [CInt: StandInConnection] = [:]
  private var acceptsPaused = false
  private var isEnding = false
  private var isDraining = false
  private var exitCode: CInt = 0

  private final class Listener {
    let socket: ListeningSocket
    init(_ socket: consuming ListeningSocket) { self.socket = socket }
  }

  /// Opens the ports. One that is taken is reported on standard error and left out, unless none at all could be opened.
  package init(_ options: StandInOptions) throws(SystemError) {
    self.options = options
    loop = try EventLoop()
    Signals.ignoreBrokenPipes()
    Signals.block([SIGTERM, SIGINT])
    var failure: SystemError?
    for port in options.ports {
      do throws(SystemError) {
        listeners.append(Listener(try ListeningSocket(port)))
      } catch {
        writeDiagnostic("stand-in \(options.identity.container): \(error)")
        failure = error
      }
    }
    if listeners.isEmpty, let failure { throw failure }
  }

  /// Serves until SIGTERM or SIGINT or a request to end; returns the exit code.
  package func run() throws(SystemError) -> CInt {
    for listener in listeners {
      let raw = listener.socket.descriptor.raw
      try loop.add(raw, .readable) { [unowned self] _ in
        if listener.socket.port.transport == .tcp { accept(listener) } else { answerDatagrams(listener) }
      }
    }
    try loop.handle(signals: [SIGTERM, SIGINT]) { [unowned self] _ in end() }
    if let raw = options.readyDescriptor {
      try writeReady(to: raw)
      close(raw)
    }
    try loop.run()
    return exitCode
  }

  private func answerDatagrams(_ listener: Listener) {
    listener.socket.answerDatagrams { client, address in
      StandInAnswer(
        identity: options.identity, client: client.description, address: address, port: listener.socket.port.number
      ).line
    }
  }

  private func accept(_ listener: Listener) {
    while connections.count < Self.maximumConnections {
      let (raw, client) = SocketAddress.filled { Glibc.accept(listener.socket.descriptor.raw, $0, $1) }
      guard raw >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        if errno == EMFILE || errno == ENFILE { pauseAccepting() }
        return
      }
      let (_, local) = SocketAddress.filled { getsockname(raw, $0, $1) }
      let answer = StandInAnswer(
        identity: options.identity, client: client.description, address: local.host, port: local.port)
      let connection = StandInConnection(FileDescriptor(owning: raw), Conversation(answer), loop)
      connection.onExit = { [unowned self] code in
        exitCode = code
        loop.stop()
      }
      connection.onClose = { [unowned self] in
        connections[raw] = nil
        if isDraining && connections.isEmpty { loop.stop() }
        resumeAccepting()
      }
      connections[raw] = connection
      connection.start()
    }
    pauseAccepting()
  }

  private func pauseAccepting() {
    guard !acceptsPaused else { return }
    acceptsPaused = true
    for listener in listeners where listener.socket.port.transport == .tcp {
      try? loop.change(listener.socket.descriptor.raw, [])
    }
  }

  private func resumeAccepting() {
    guard acceptsPaused, !isDraining, connections.count < Self.maximumConnections else { return }
    acceptsPaused = false
    for listener in listeners where listener.socket.port.transport == .tcp {
      try? loop.change(listener.socket.descriptor.raw, .readable)
    }
  }

  /// Goes on for a moment, then ends.
  private func end() {
    guard !isEnding else { return }
    isEnding = true
    loop.schedule(after: Self.farewellSeconds) { [unowned self] in drain() }
  }

  /// Listens no longer, finishes what is at work, ends.
  private func drain() {
    isDraining = true
    for listener in listeners { loop.remove(listener.socket.descriptor.raw) }
    listeners = []
    for connection in connections.values { connection.drain() }
    if connections.isEmpty { loop.stop() }
    loop.schedule(after: Self.drainSeconds) { [unowned self] in loop.stop() }
  }
}
