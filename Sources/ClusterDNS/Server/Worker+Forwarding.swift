internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Streaming
internal import Synchronization

extension Worker {
  /// Answers the parsed question from the cache, or asks the upstreams. Returns the length of an answer that is in
  /// `buffer` already, or nil while somebody waits.
  func forward(
    _ forwarding: Forwarding, _ block: ServerBlock, _ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int,
    isTCP: Bool, client: () -> Waiter.Client
  ) -> Int? {
    var forwarding = forwarding
    var stale: UpstreamAnswer?
    search: while let cache = block.cache {
      let finding = withAsked(forwarding) { cache.find($0, query, now: now / 1000) }
      switch finding {
      case .fresh(let answer, let isDue):
        statistics.cacheHits.wrappingAdd(1, ordering: .relaxed)
        // `query` stays as it is: nobody waits for a refresh.
        if isDue { refresh(forwarding, block) }
        if forwarding.advance(after: answer) { continue search }
        return write(answer, or: .serverFailure, forwarding, block, buffer, limit: limit, isTCP: isTCP)
      case .stale(let answer):
        if !cache.limits.verifiesStale {
          statistics.staleAnswers.wrappingAdd(1, ordering: .relaxed)
          refresh(forwarding, block)
          return write(answer, or: .serverFailure, forwarding, block, buffer, limit: limit, isTCP: isTCP)
        }
        stale = answer
      case .missing: break
      }
      statistics.cacheMisses.wrappingAdd(1, ordering: .relaxed)
      break
    }
    guard let exchange = exchange(forwarding, block) else {
      return write(nil, or: .refused, forwarding, block, buffer, limit: limit, isTCP: isTCP)
    }
    if exchange.group.isLooping.load(ordering: .relaxed) {
      return write(nil, or: .serverFailure, forwarding, block, buffer, limit: limit, isTCP: isTCP)
    }
    let waiter = Waiter(client: client(), message: Array(query.message), forwarding: forwarding, block: block)
    guard enter(waiter, exchange) else {
      statistics.refusedForQueue.wrappingAdd(1, ordering: .relaxed)
      return write(nil, or: .refused, forwarding, block, buffer, limit: limit, isTCP: isTCP)
    }
    exchange.stale = exchange.stale ?? stale
    let isNew = exchangeByIdentity[exchange.identity] == nil
    // Answers that come at once, such as a failure to connect, are delivered like late ones; `query` is parsed anew
    // there, so nothing may use it after this.
    if isNew { begin(exchange) }
    return nil
  }

  /// Lets somebody wait; false where too many do, of this client or in all.
  private func enter(_ waiter: Waiter, _ exchange: Exchange) -> Bool {
    let share = max(shared.configuration.mostWaitingOfClient / shared.configuration.workers, 1)
    if let address = waiter.address, waitingOfClients[address, default: 0] >= share { return false }
    guard exchange.group.enter() else { return false }
    exchange.places += 1
    exchange.waiters.append(waiter)
    if let address = waiter.address { waitingOfClients[address, default: 0] += 1 }
    if case .connection(let connection, _) = waiter.client { connection.waiting += 1 }
    return true
  }

  private func leave(_ waiter: Waiter) {
    guard let address = waiter.address, let count = waitingOfClients[address] else { return }
    waitingOfClients[address] = count > 1 ? count - 1 : nil
  }

  private func withAsked<Result>(_ forwarding: Forwarding, _ body: (NameView) -> Result) -> Result {
    if let asked = forwarding.asked { asked.withView(body) } else { body(query.name) }
  }

  /// The exchange for the parsed question, a new one if there is none; nil where no upstream takes the name.
  private func exchange(_ forwarding: Forwarding, _ block: ServerBlock) -> Exchange? {
    guard let group = withAsked(forwarding, { name in block.groups.first { $0.takes(name) } }) else { return nil }
    let key = AnswerCache.Key(
      name: forwarding.asked ?? query.name.name, type: query.type, hasEDNS: query.edns != nil,
      isDNSSECOK: query.edns?.isDNSSECOK ?? false,
      flags: query.flags & (Wire.recursionDesired | Wire.checkingDisabled))
    let exchange = Exchange(key, group, cache: block.cache)
    return exchangeByIdentity[exchange.identity] ?? exchange
  }

  /// Fetches an answer anew that is in the cache. Nobody waits for it, so that failures are of no consequence.
  private func refresh(_ forwarding: Forwarding, _ block: ServerBlock) {
    guard let exchange = exchange(forwarding, block), exchangeByIdentity[exchange.identity] == nil,
      !exchange.group.isLooping.load(ordering: .relaxed), exchange.group.enter()
    else { return }
    exchange.places += 1
    statistics.prefetches.wrappingAdd(1, ordering: .relaxed)
    begin(exchange)
  }

  private func begin(_ exchange: Exchange) {
    exchangeByIdentity[exchange.identity] = exchange
    exchange.upstream = exchange.group.first()
    statistics.forwarded.wrappingAdd(1, ordering: .relaxed)
    start(exchange, isStream: false)
  }

  // MARK: tries

  private func start(_ exchange: Exchange, isStream: Bool, isFresh: Bool = false) {
    stop(exchange)
    let rule = exchange.group.rule
    let upstream = rule.upstreams[exchange.upstream]
    exchange.attempts += isStream ? 0 : 1
    exchange.started = now
    exchange.deadline = now + rule.timeout
    let needsStream = isStream || rule.isTCPForced || upstream.transport != .plain
    guard let connection = connection(exchange, isStream: needsStream, isFresh: isFresh) else { return fail(exchange) }
    exchange.open(connection)
    exchanges[connection.descriptor] = exchange
    guard connection.flush(),
      watch(
        connection.descriptor, .exchange, input: true, output: connection.wantsOutput, change: connection.isReused)
    else { return broken(exchange) }
  }

  /// A socket that nobody uses, or a new one; nil if the kernel refuses.
  private func connection(_ exchange: Exchange, isStream: Bool, isFresh: Bool) -> UpstreamConnection? {
    let group = exchange.group
    let place = IdlePlace(group: ObjectIdentifier(group), upstream: exchange.upstream)
    if isStream, !isFresh, let idle = idleConnections[place]?.popLast() {
      idle.isReused = true
      return idle
    }
    let upstream = group.rule.upstreams[exchange.upstream]
    let type = CInt((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue | SOCK_NONBLOCK.rawValue)
    let address = upstream.address
    guard let socket = try? shared.configuration.socket(address.address.family.socketDomain, type) else { return nil }
    let result = SocketAddress(address).connect(socket.raw)
    guard result == 0 || errno == EINPROGRESS else { return nil }
    let descriptor = socket.release()
    guard case .tls(let name) = upstream.transport else {
      return UpstreamConnection(descriptor, isStream: isStream, tls: nil)
    }
    guard let context = group.tls,
      let session = try? TLSSession(
        context, descriptor, peer: name.map { .name($0) } ?? .address("\(address.address)"))
    else {
      close(descriptor)
      return nil
    }
    return UpstreamConnection(descriptor, isStream: true, tls: session)
  }

  private func stop(_ exchange: Exchange) {
    if let connection = exchange.takeConnection() { exchanges[connection.descriptor] = nil }
  }

  func progress(_ exchange: Exchange) {
    guard let connection = exchange.connection, connection.flush() else { return broken(exchange) }
    let received = exchange.receive(now: now / 1000)
    switch received {
    case .waiting:
      if !connection.flush() { return broken(exchange) }
      _ = watch(connection.descriptor, .exchange, input: true, output: connection.wantsOutput, change: true)
    case .failed: broken(exchange)
    case .truncated: start(exchange, isStream: true)
    case .answer(let answer):
      exchange.group.succeeded(exchange.upstream)
      statistics.upstream(exchange.group.rule.upstreams[exchange.upstream], answer.code, now - exchange.started)
      keep(exchange)
      switch answer.code {
      case .serverFailure, .refused, .notImplemented:
        exchange.failure = answer
        retry(exchange)
      default: finish(exchange, answer)
      }
    }
  }

  /// Keeps a connection for the next question.
  private func keep(_ exchange: Exchange) {
    guard let connection = exchange.connection, connection.isStream, exchange.group.rule.expire > 0 else { return }
    exchanges[connection.descriptor] = nil
    _ = exchange.takeConnection()
    connection.idleSince = now
    let place = IdlePlace(group: ObjectIdentifier(exchange.group), upstream: exchange.upstream)
    guard watch(connection.descriptor, .exchange, input: true, output: false, change: true),
      (idleConnections[place]?.count ?? 0) < 16
    else { return }
    idleConnections[place, default: []].append(connection)
  }

  /// Something happened on a connection that nobody uses: its upstream closed it, or says what nobody asked.
  func dropIdle(_ descriptor: CInt) {
    for place in idleConnections.keys { idleConnections[place]?.removeAll { $0.descriptor == descriptor } }
  }

  private func broken(_ exchange: Exchange) {
    // An upstream may close an idle connection at any time: that says nothing of its health.
    if exchange.connection?.isReused == true { return start(exchange, isStream: true, isFresh: true) }
    fail(exchange)
  }

  /// This upstream was silent or cannot be reached.
  func fail(_ exchange: Exchange) {
    statistics.upstreamFailures.wrappingAdd(1, ordering: .relaxed)
    if exchange.purpose == .question, exchange.group.failed(exchange.upstream) {
      healthChecks.append(HealthCheck(group: exchange.group, upstream: exchange.upstream, at: now))
    }
    retry(exchange)
  }

  /// Asks the next upstream, or gives up.
  private func retry(_ exchange: Exchange) {
    stop(exchange)
    guard exchange.purpose == .question else { return finish(exchange, nil) }
    let rule = exchange.group.rule
    // An upstream that answered with a failure is not asked again; one that was silent may be.
    let attempts = exchange.failure == nil ? rule.attempts : min(rule.upstreams.count, rule.attempts)
    guard exchange.attempts < attempts else { return finish(exchange, exchange.failure) }
    exchange.upstream = exchange.group.next(after: exchange.upstream)
    start(exchange, isStream: false)
  }

  private func finish(_ exchange: Exchange, _ answer: UpstreamAnswer?) {
    stop(exchange)
    switch exchange.purpose {
    case .healthCheck: return endHealthCheck(exchange, isWell: answer != nil)
    case .loopProbe: return
    case .question: break
    }
    exchangeByIdentity[exchange.identity] = nil
    exchange.group.leave(exchange.places)
    exchange.places = 0
    if let answer { exchange.cache?.insert(answer, for: exchange.key, now: now / 1000) }
    let isFailure = answer == nil || answer?.code == .serverFailure || answer?.code == .refused
    if isFailure, exchange.stale != nil { statistics.staleAnswers.wrappingAdd(1, ordering: .relaxed) }
    let given = isFailure ? exchange.stale ?? answer : answer
    let waiters = exchange.waiters
    exchange.waiters = []
    for waiter in waiters {
      leave(waiter)
      deliver(given, or: .serverFailure, to: waiter)
    }
  }

  /// Sends a question that no client asked.
  func ask(_ name: DomainName, _ type: RecordType, _ group: UpstreamGroup, _ upstream: Int, _ purpose: Exchange.Purpose)
  {
    let key = AnswerCache.Key(
      name: name, type: type, hasEDNS: false, isDNSSECOK: false, flags: Wire.recursionDesired)
    let exchange = Exchange(key, group, purpose: purpose)
    exchange.upstream = upstream
    start(exchange, isStream: false)
  }
}
