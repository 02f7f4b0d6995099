internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization

extension Worker {
  /// Answers the parsed question from the cache, or asks the upstreams. Returns the length of an answer that is in
  /// `buffer` already, or nil while somebody waits.
  func forward(
    _ aliases: [DomainName], _ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int, isTCP: Bool,
    client: () -> Waiter.Client
  ) -> Int? {
    let key = AnswerCache.Key(
      name: aliases.last ?? query.name.name, type: query.type, hasEDNS: query.edns != nil,
      isDNSSECOK: query.edns?.isDNSSECOK ?? false,
      flags: query.flags & (Wire.recursionDesired | Wire.checkingDisabled))
    if let answer = shared.cache.answer(key, now: now / 1000) {
      shared.statistics.cacheHits.wrappingAdd(1, ordering: .relaxed)
      return write(answer, or: .serverFailure, aliases, buffer, limit: limit, isTCP: isTCP)
    }
    let known = exchangeByKey[key]
    let waiting = known?.waiters.count ?? 0
    // A worker's share of the queue; one question may have many waiters, but not all places.
    let places = max(shared.configuration.longestQueue / shared.configuration.workers, 1)
    guard known != nil ? waiting < places : exchanges.count < places else {
      shared.statistics.refusedForQueue.wrappingAdd(1, ordering: .relaxed)
      return write(nil, or: .refused, aliases, buffer, limit: limit, isTCP: isTCP)
    }
    let exchange = known ?? Exchange(key)
    exchange.waiters.append(Waiter(client: client(), message: Array(query.message), aliases: aliases))
    if known == nil {
      exchangeByKey[key] = exchange
      exchange.upstream = nextUpstream(after: nil)
      shared.statistics.forwarded.wrappingAdd(1, ordering: .relaxed)
      // Answers that come at once, such as a failure to connect, are delivered like late ones; `query` is parsed anew
      // there, so nothing may use it after this.
      start(exchange, isTCP: false)
    }
    return nil
  }

  /// The upstream to ask next: in their order, those that were silent lately last.
  private func nextUpstream(after previous: Int?) -> Int {
    let count = upstreamRest.count
    let first = previous.map { $0 + 1 } ?? 0
    for step in 0..<count where upstreamRest[(first + step) % count] <= now { return (first + step) % count }
    return first % count
  }

  /// Asks an upstream last for a while.
  func rest(_ upstream: Int) {
    upstreamRest[upstream] = now + 5000
    shared.statistics.upstreamFailures.wrappingAdd(1, ordering: .relaxed)
  }

  private func start(_ exchange: Exchange, isTCP: Bool) {
    stop(exchange)
    exchange.attempts += isTCP ? 0 : 1
    exchange.deadline = now + shared.configuration.upstreamTimeout
    guard let descriptor = connect(to: shared.configuration.upstreams[exchange.upstream], isTCP: isTCP) else {
      return retry(exchange)
    }
    exchange.open(descriptor, isTCP: isTCP)
    exchanges[descriptor] = exchange
    if case .failed = exchange.send() { return retry(exchange) }
    if !watch(descriptor, .exchange, input: true, output: exchange.wantsOutput) { retry(exchange) }
  }

  private func stop(_ exchange: Exchange) {
    if exchange.descriptor >= 0 { exchanges[exchange.descriptor] = nil }
    exchange.close()
  }

  /// A new socket to an upstream, not waited for; nil if the kernel refuses.
  private func connect(to upstream: AddressAndPort, isTCP: Bool) -> CInt? {
    let type = CInt((isTCP ? SOCK_STREAM : SOCK_DGRAM).rawValue | SOCK_NONBLOCK.rawValue)
    guard let socket = try? shared.configuration.socket(upstream.address.family.socketDomain, type) else { return nil }
    let result = SocketAddress(upstream).connect(socket.raw)
    return result == 0 || errno == EINPROGRESS ? socket.release() : nil
  }

  func progress(_ exchange: Exchange, _ events: UInt32) {
    if exchange.wantsOutput {
      if case .failed = exchange.send() { return fail(exchange) }
      if !exchange.wantsOutput {
        _ = watch(exchange.descriptor, .exchange, input: true, output: false, change: true)
      }
    }
    switch exchange.receive(now: now / 1000) {
    case .waiting: break
    case .failed: fail(exchange)
    case .truncated: start(exchange, isTCP: true)
    case .answer(let answer):
      switch answer.code {
      case .serverFailure, .refused, .notImplemented:
        exchange.failure = answer
        retry(exchange)
      default: finish(exchange, answer)
      }
    }
  }

  private func fail(_ exchange: Exchange) {
    rest(exchange.upstream)
    retry(exchange)
  }

  /// Asks the next upstream, or gives up.
  func retry(_ exchange: Exchange) {
    stop(exchange)
    let count = shared.configuration.upstreams.count
    // An upstream that answered with a failure is not asked again; one that was silent may be.
    let most = shared.configuration.upstreamAttempts
    let attempts = exchange.failure == nil ? most : min(count, most)
    guard exchange.attempts < attempts else { return finish(exchange, exchange.failure) }
    exchange.upstream = nextUpstream(after: exchange.upstream)
    start(exchange, isTCP: false)
  }

  private func finish(_ exchange: Exchange, _ answer: UpstreamAnswer?) {
    stop(exchange)
    exchangeByKey[exchange.key] = nil
    if let answer { shared.cache.insert(answer, for: exchange.key, now: now / 1000) }
    for waiter in exchange.waiters { deliver(answer, or: .serverFailure, to: waiter) }
    exchange.waiters = []
  }
}
