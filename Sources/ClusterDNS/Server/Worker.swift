internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization

/// One thread that answers: datagrams in batches, TCP connections, and the questions it has sent to upstreams. It owns
/// all it holds; workers share the listening sockets, the zone and the cache.
final class Worker: @unchecked Sendable {
  // @unchecked: handed to its thread once and touched by that thread alone.
  let shared: DNSServer.Shared
  let epoll: FileDescriptor
  let query = Query()
  /// Connections that got a late answer in this round.
  var resumed: [TCPConnection] = []
  var turn = Int.random(in: 0..<4096)
  /// Monotonic milliseconds, read once a round.
  var now = 0
  /// Monotonic milliseconds until which what has begun is brought to its end; nil while the server is not stopping.
  private var drainingEnds: Int?
  private var nextExpiry = 0
  var connections: [CInt: TCPConnection] = [:]
  var exchanges: [CInt: Exchange] = [:]
  var exchangeByIdentity: [Exchange.Identity: Exchange] = [:]
  /// How many questions of each client wait for upstreams; those without any are not in it.
  var waitingOfClients: [IPAddress: Int] = [:]
  var idleConnections: [IdlePlace: [UpstreamConnection]] = [:]
  var healthChecks: [HealthCheck] = []
  /// What is served at present; taken anew when `generation` is out of date.
  var plan: ServerPlan
  private var generation: Int
  let statistics: Statistics
  /// nil: clients have as many answers as they ask for.
  let rates: ClientRates?
  let number: Int

  static let batch = 32
  static let longestQuestion = 4096
  let received: UnsafeMutablePointer<swiftlet_datagram>
  let replies: UnsafeMutablePointer<swiftlet_datagram>
  let buffers: UnsafeMutablePointer<UInt8>
  /// For answers over TCP and late ones over UDP.
  let scratch: UnsafeMutableBufferPointer<UInt8>

  /// What an event is about; with a descriptor or an index it is the event's data.
  enum Token: UInt64 { case wake, datagrams, listener, connection, exchange }

  init(_ shared: DNSServer.Shared, number: Int) throws(SystemError) {
    self.shared = shared
    self.number = number
    statistics = shared.statistics[number]
    let limit = shared.configuration.answersPerSecond
    // A client's datagrams come to one worker, unless it has many ports.
    rates = limit > 0 ? ClientRates(perSecond: limit) : nil
    (plan, generation) = shared.currentPlan
    epoll = FileDescriptor(owning: try check("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    let stride = Self.longestQuestion + Wire.datagramLimit
    received = .allocate(capacity: Self.batch)
    replies = .allocate(capacity: Self.batch)
    buffers = .allocate(capacity: Self.batch * stride)
    scratch = .allocate(capacity: 65535)
    received.initialize(repeating: swiftlet_datagram(), count: Self.batch)
    replies.initialize(repeating: swiftlet_datagram(), count: Self.batch)
    for index in 0..<Self.batch {
      received[index].data = buffers + index * stride
      received[index].capacity = UInt32(Self.longestQuestion)
      replies[index].data = buffers + index * stride + Self.longestQuestion
      replies[index].capacity = UInt32(Wire.datagramLimit)
    }
    try watch(shared.wake.raw, .wake, 0, EPOLLIN.rawValue)
    for (index, socket) in shared.sockets.enumerated() {
      try watch(socket.datagrams(of: number), .datagrams, index, EPOLLIN.rawValue)
      // One worker of several is woken.
      for (kind, listener) in socket.listeners.enumerated() {
        try watch(listener.descriptor.raw, .listener, index << 2 | kind, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue)
      }
    }
  }

  deinit {
    received.deallocate()
    replies.deallocate()
    buffers.deallocate()
    scratch.deallocate()
  }

  private func watch(_ descriptor: CInt, _ token: Token, _ number: Int, _ events: UInt32, change: Bool = false)
    throws(SystemError)
  {
    var event = epoll_event()
    event.events = events
    event.data.u64 = token.rawValue << 32 | UInt64(number)
    try check("epoll_ctl") { epoll_ctl(epoll.raw, change ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) }
  }

  /// Watches a connection or an exchange; false if the kernel refuses.
  func watch(_ descriptor: CInt, _ token: Token, input: Bool, output: Bool, change: Bool = false) -> Bool {
    let events = (input ? EPOLLIN.rawValue : 0) | (output ? EPOLLOUT.rawValue : 0)
    return (try? watch(descriptor, token, Int(descriptor), events, change: change)) != nil
  }

  /// Serves until the server stops and what it had been asked is answered.
  func run() {
    let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 64)
    defer { events.deallocate() }
    now = Time.monotonicMilliseconds
    if number == 0 { probeLoops() }
    while true {
      let count = epoll_wait(epoll.raw, events.baseAddress, CInt(events.count), timeout)
      now = Time.monotonicMilliseconds
      takePlan()
      for index in 0..<Int(max(count, 0)) {
        let event = events[index]
        let number = Int(event.data.u64 & 0xFFFF_FFFF)
        switch Token(rawValue: event.data.u64 >> 32) {
        case .wake: beginDraining()
        case .datagrams: receiveDatagrams(number)
        case .listener: accept(number >> 2, number & 3)
        case .connection: if let connection = connections[CInt(number)] { serve(connection, event.events) }
        case .exchange:
          if let exchange = exchanges[CInt(number)] { progress(exchange) } else { dropIdle(CInt(number)) }
        case nil: break
        }
      }
      if now >= nextExpiry { expire() }
      while let connection = resumed.popLast() { answerMessages(of: connection) }
      if let drainingEnds, now >= drainingEnds || (count <= 0 && isIdle) { return end() }
    }
  }

  /// Goes on until nothing comes in, nobody waits for an upstream and every answer is sent, or the time for it is over.
  private func beginDraining() {
    guard drainingEnds == nil else { return }
    drainingEnds = now + shared.configuration.drainTime
    // It stays readable.
    epoll_ctl(epoll.raw, EPOLL_CTL_DEL, shared.wake.raw, nil)
    // Whoever connects from now on is better served by somebody else.
    for socket in shared.sockets {
      for listener in socket.listeners { epoll_ctl(epoll.raw, EPOLL_CTL_DEL, listener.descriptor.raw, nil) }
    }
    for connection in Array(connections.values) {
      connection.announceEnd()
      flush(connection)
    }
  }

  private var isIdle: Bool {
    exchanges.values.allSatisfy { $0.waiters.isEmpty }
      && connections.values.allSatisfy { !$0.isBusy }
  }

  /// Milliseconds; timeouts need no better resolution than this.
  private var timeout: CInt {
    if drainingEnds != nil { return 10 }
    if !exchanges.isEmpty || !healthChecks.isEmpty { return 50 }
    return connections.isEmpty && idleConnections.isEmpty ? -1 : 1000
  }

  /// Takes up what a reload has put in place.
  private func takePlan() {
    guard shared.generation.load(ordering: .acquiring) != generation else { return }
    (plan, generation) = shared.currentPlan
    if number == 0 { probeLoops() }
  }

  private func end() {
    for connection in connections.values { connection.end(now: now) }
    connections = [:]
    waitingOfClients = [:]
    exchanges = [:]
    exchangeByIdentity = [:]
    idleConnections = [:]
  }

  /// Once in a while alone: a thousand questions that wait for a dead upstream are not gone through for every batch.
  private func expire() {
    nextExpiry = now + 20
    for exchange in exchanges.values where exchange.deadline <= now { fail(exchange) }
    checkHealth()
    expireIdle()
    let idle = now - shared.configuration.idleTimeout * 1000
    for connection in connections.values where connection.lastActivity < idle && connection.waiting == 0 {
      drop(connection)
    }
  }
}
