internal import CMicrohttpd
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Synchronization

/// HTTPS in front of the handler: one libmicrohttpd daemon a listening socket, one thread a connection.
/// Why threads: docs/decisions/0002-http-server.md.
final class HTTPServer: @unchecked Sendable {
  // @unchecked: `daemons` is written by `start` and `stop` only; the daemons themselves are thread-safe.
  let handler: APIHandler
  let tokens: TokenRegistry
  private var daemons: [OpaquePointer] = []
  /// Watches in progress, so that `stop` can end them.
  private let watches = Mutex<[ObjectIdentifier: WatchStream]>([:])
  private let isStopping = Atomic(false)

  /// Larger bodies are refused, as the real server does.
  static let bodyLimit = 3 * 1024 * 1024

  /// A keep-alive connection without requests for so long is closed; not so one with a watch.
  static let idleSeconds: UInt32 = 300

  init(handler: APIHandler, tokens: TokenRegistry) {
    self.handler = handler
    self.tokens = tokens
  }

  /// Serves on a socket that listens already; the server closes it when it stops.
  func start(_ socket: consuming Linux.FileDescriptor, identity: TLSIdentity) throws {
    let raw = socket.release()
    let daemon = identity.certificate.withCString { certificate in
      identity.key.withCString { key in
        var start = swiftlet_mhd_start()
        start.socket = raw
        start.connection_limit = 4096
        start.idle_seconds = Self.idleSeconds
        start.stack_size = numericCast(Thread.usualStackSize)
        start.certificate = certificate
        start.key = key
        start.begin = beginHTTP
        start.handler = answerHTTP
        start.completed = completeHTTP
        start.context = Unmanaged.passUnretained(self).toOpaque()
        return swiftlet_mhd_start(&start)
      }
    }
    guard let daemon else {
      close(raw)
      throw SystemError("start the HTTPS server", code: errno)
    }
    daemons.append(daemon)
  }

  /// Ends all watches and waits for every connection's thread.
  func stop() {
    isStopping.store(true, ordering: .sequentiallyConsistent)
    for daemon in daemons { close(MHD_quiesce_daemon(daemon)) }
    for watch in watches.withLock({ Array($0.values) }) { watch.cancel() }
    for daemon in daemons { MHD_stop_daemon(daemon) }
    daemons = []
  }

  /// The answer to a request whose body is complete.
  func answer(_ request: APIRequest) -> APIAnswer {
    guard let target = try? RequestTarget(request.target) else {
      return .response(.status(.badRequest("the URL cannot be decoded")))
    }
    var user = tokens.user(authorization: request.headers["authorization"] ?? "")
    if user == nil, APIHandler.isPublic(target) { user = .anonymous }
    guard let user else { return .response(.status(StatusError(401, "Unauthorized", "Unauthorized"))) }
    return handler.handle(request, user: user)
  }

  func began(_ watch: WatchStream) {
    watches.withLock { $0[ObjectIdentifier(watch)] = watch }
    if isStopping.load(ordering: .sequentiallyConsistent) { watch.cancel() }
  }

  func ended(_ watch: WatchStream) { watches.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(watch)) } }
}
