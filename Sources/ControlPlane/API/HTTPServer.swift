internal import CMicrohttpd
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Synchronization

/// HTTPS in front of the handler: one libmicrohttpd daemon a listening socket, one thread a connection.
/// Why threads: docs/decisions/0002-http-server.md.
final class HTTPServer: @unchecked Sendable {
  // @unchecked: `daemons` and `retired` are written by `start`, `replace` and `stop` only, which are
  // not called at the same time; the daemons themselves are thread-safe.
  let handler: APIHandler
  /// PEM: whose certificates clients are asked for.
  private let authority: String
  /// The way to the servers of nodes; nil where there is none.
  private let nodes: NodeConnector?
  var daemons: [OpaquePointer] = []
  /// Those that listen no more and serve the connections they have.
  var retired: [OpaquePointer] = []
  /// Watches in progress, so that `stop` can end them.
  private let watches = Mutex<[ObjectIdentifier: WatchStream]>([:])
  /// Streams of nodes in progress, for the same end.
  private let relays = Mutex<[ObjectIdentifier: NodeRelay]>([:])
  private let isStopping = Atomic(false)
  /// Upgraded connections that are not given back to libmicrohttpd yet; nil once no more are taken.
  private let upgrades = Monitor<Int?>(0)

  /// Larger bodies are refused, as the real server does.
  static let bodyLimit = 3 * 1024 * 1024

  private let limits: HTTPLimits
  let connections: HTTPConnections

  /// A connection without traffic for so long is closed by libmicrohttpd; not so one with a watch.
  var idleSeconds: UInt32 { UInt32(limits.idleSeconds.rounded(.up)) }

  init(
    handler: APIHandler, authority: String, limits: HTTPLimits, nodes: NodeConnector? = nil
  ) throws(SystemError) {
    self.handler = handler
    self.authority = authority
    self.nodes = nodes
    self.limits = limits
    connections = try HTTPConnections(limits: limits)
  }

  /// Serves on a socket that listens already; the server closes it when it stops.
  func start(_ socket: consuming Linux.FileDescriptor, identity: TLSIdentity) throws {
    let raw = socket.release()
    connections.start()
    // libmicrohttpd reads these texts when it starts and keeps none of them.
    let daemon = identity.certificate.withCString { certificate in
      identity.key.withCString { key in
        authority.withCString { authority in
          var start = swiftlet_mhd_start()
          start.authority = authority
          start.socket = raw
          start.connection_limit = UInt32(limits.connections + HTTPLimits.burst)
          start.idle_seconds = idleSeconds
          start.stack_size = numericCast(Thread.usualStackSize)
          start.certificate = certificate
          start.key = key
          start.begin = beginHTTP
          start.handler = answerHTTP
          start.completed = completeHTTP
          start.connection_event = connectionEvent
          start.context = Unmanaged.passUnretained(self).toOpaque()
          return swiftlet_mhd_start(&start)
        }
      }
    }
    guard let daemon else {
      close(raw)
      throw SystemError("start the HTTPS server", code: errno)
    }
    daemons.append(daemon)
  }

  /// Ends all watches and streams and waits for every connection's thread.
  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    for daemon in daemons { close(MHD_quiesce_daemon(daemon)) }
    for watch in watches.withLock({ Array($0.values) }) { watch.cancel() }
    for relay in relays.withLock({ Array($0.values) }) { relay.cancel() }
    // libmicrohttpd frees what an upgraded connection is given back by, whether it was or not.
    upgrades.wait { count -> Monitor<Int?>.Outcome<Void> in
      guard (count ?? 0) == 0 else { return .waiting() }
      count = nil
      return .ready(())
    }
    for daemon in daemons + retired { MHD_stop_daemon(daemon) }
    daemons = []
    retired = []
    connections.stop()
  }

  /// The answer to a request whose body is complete; `certificate` (DER) is what the client showed.
  func answer(_ request: APIRequest, certificate: [UInt8]?) -> APIAnswer {
    guard let target = try? RequestTarget(request.target) else {
      return .response(.status(.badRequest("the URL cannot be decoded")))
    }
    let outcome = handler.authenticator.identify(
      authorization: request.headers["authorization"] ?? "", certificate: certificate)
    switch outcome {
    case .user(let user): return handler.handle(request, user: user)
    case .nobody where APIHandler.isPublic(target): return handler.handle(request, user: .anonymous)
    case .nobody, .refused: return .response(.status(StatusError(401, "Unauthorized", "Unauthorized")))
    }
  }

  func began(_ watch: WatchStream) {
    watches.withLock { $0[ObjectIdentifier(watch)] = watch }
    if isStopping.load(ordering: .sequentiallyConsistent) { watch.cancel() }
  }

  func ended(_ watch: WatchStream) { watches.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(watch)) } }

  /// The answer of a node to a request, as far as its head.
  func open(_ request: NodeRequest) throws(StatusError) -> NodeStream {
    guard let nodes else { throw StatusError(501, "NotImplemented", "this API server has no way to nodes") }
    return try nodes.open(request)
  }

  func began(_ relay: NodeRelay) {
    relays.withLock { $0[ObjectIdentifier(relay)] = relay }
    if isStopping.load(ordering: .sequentiallyConsistent) { relay.cancel() }
  }

  /// A thread is to carry an upgraded connection; false if the server ends.
  func beganUpgrade() -> Bool {
    upgrades.withLock { count in
      guard let running = count else { return false }
      count = running + 1
      return true
    }
  }

  /// The upgraded connection was given back.
  func endedUpgrade() {
    upgrades.withLock { count in count = count.map { $0 - 1 } }
    upgrades.wakeAll()
  }

  func ended(_ relay: NodeRelay) { relays.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(relay)) } }
}
