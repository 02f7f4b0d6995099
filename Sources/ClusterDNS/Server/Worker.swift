internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

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
  var connections: [CInt: TCPConnection] = [:]
  var exchanges: [CInt: Exchange] = [:]
  var exchangeByKey: [AnswerCache.Key: Exchange] = [:]
  /// Monotonic milliseconds until which an upstream that was silent is asked last.
  var upstreamRest: [Int]

  static let batch = 32
  static let longestQuestion = 4096
  let received: UnsafeMutablePointer<swiftlet_datagram>
  let replies: UnsafeMutablePointer<swiftlet_datagram>
  let buffers: UnsafeMutablePointer<UInt8>
  /// For answers over TCP and late ones over UDP.
  let scratch: UnsafeMutableBufferPointer<UInt8>

  /// What an event is about; with a descriptor or an index it is the event's data.
  enum Token: UInt64 { case wake, datagrams, listener, connection, exchange }

  init(_ shared: DNSServer.Shared) throws(SystemError) {
    self.shared = shared
    epoll = FileDescriptor(owning: try check("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    upstreamRest = Array(repeating: 0, count: shared.configuration.upstreams.count)
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
      // One worker of several is woken.
      try watch(socket.datagrams.raw, .datagrams, index, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue)
      try watch(socket.listener.raw, .listener, index, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue)
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

  /// Serves until the server stops.
  func run() {
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while true {
      // Timeouts need no better resolution than this.
      let timeout: CInt = exchanges.isEmpty ? (connections.isEmpty ? -1 : 1000) : 50
      let count = epoll_wait(epoll.raw, &events, CInt(events.count), timeout)
      now = Time.monotonicMilliseconds
      for event in events.prefix(Int(max(count, 0))) {
        let number = Int(event.data.u64 & 0xFFFF_FFFF)
        switch Token(rawValue: event.data.u64 >> 32) {
        case .wake: return end()
        case .datagrams: receiveDatagrams(number)
        case .listener: accept(number)
        case .connection: if let connection = connections[CInt(number)] { serve(connection, event.events) }
        case .exchange: if let exchange = exchanges[CInt(number)] { progress(exchange, event.events) }
        case nil: break
        }
      }
      expire()
      while let connection = resumed.popLast() { answerMessages(of: connection) }
    }
  }

  private func end() {
    for connection in connections.values { connection.close() }
    for exchange in exchanges.values { exchange.close() }
    connections = [:]
    exchanges = [:]
    exchangeByKey = [:]
  }

  private func expire() {
    for exchange in exchanges.values where exchange.deadline <= now {
      rest(exchange.upstream)
      retry(exchange)
    }
    let idle = now - shared.configuration.idleTimeout * 1000
    for connection in connections.values where connection.lastActivity < idle && connection.waiting == 0 {
      drop(connection)
    }
  }
}
