internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux
internal import Streaming
internal import Synchronization

extension Worker {
  // MARK: datagrams

  func receiveDatagrams(_ socket: Int) {
    let descriptor = shared.sockets[socket].datagrams(of: number)
    let count = Int(swiftlet_receive_datagrams(descriptor, received, UInt32(Self.batch)))
    guard count > 0 else { return }
    statistics.queriesUDP.wrappingAdd(UInt64(count), ordering: .relaxed)
    let started = Time.monotonicNanoseconds
    var ready = 0
    for index in 0..<count {
      let datagram = received[index]
      let message = UnsafeBufferPointer(start: UnsafePointer(datagram.data), count: Int(datagram.length))
      let verdict = query.parse(message)
      if verdict == .drop {
        statistics.dropped.wrappingAdd(1, ordering: .relaxed)
        continue
      }
      if query.edns?.clientCookie != nil { query.peer = ClientRates.hash(datagram) }
      // Limits are for those whose addresses may be forged.
      if let rates, !rates.take(datagram, now: now), !query.hasValidCookie {
        statistics.refusedForRate.wrappingAdd(1, ordering: .relaxed)
        continue
      }
      let buffer = UnsafeMutableBufferPointer(start: replies[ready].data, count: Wire.datagramLimit)
      let length = answer(verdict, buffer, limit: query.datagramLimit, isTCP: false, socket) {
        .datagram(socket: socket, datagram)
      }
      guard let length else { continue }
      statistics.sizesOfQuestions.add(Double(message.count))
      statistics.sizesOfAnswers.add(Double(length))
      replies[ready].length = UInt32(length)
      replies[ready].address(as: datagram)
      ready += 1
    }
    send(ready, descriptor)
    // Each of a batch waited for all of them.
    statistics.durations.add(Double(Time.monotonicNanoseconds - started) / 1e9, times: ready)
  }

  private func send(_ count: Int, _ descriptor: CInt) {
    var sent = 0
    while sent < count {
      let result = Int(swiftlet_send_datagrams(descriptor, replies + sent, UInt32(count - sent)))
      // A client that cannot be reached loses its answer; the others do not. A full socket loses the rest: clients ask
      // again.
      if result == -Int(EAGAIN) { return }
      sent += max(result, 1)
    }
  }

  /// Answers the parsed question now, or remembers who asked. Returns the length of the answer in `buffer`, or nil.
  func answer(
    _ verdict: Query.Verdict, _ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int, isTCP: Bool, _ socket: Int,
    client: () -> Waiter.Client
  ) -> Int? {
    var writer = ResponseWriter(buffer)
    guard verdict == .question, let block = plan.block(for: query.name, port: shared.sockets[socket].address.port)
    else {
      if verdict == .question {
        writer.begin(query, limit: limit)
        writer.finish(.refused, flags: 0)
      } else if case .reject(let code) = verdict {
        writer.writeHeaderOnly(query, code)
      }
      return writer.position
    }
    if isOwnProbe() { return nil }
    turn &+= 1
    let outcome = block.responder.respond(
      to: query, verdict, into: &writer, limit: limit, isTCP: isTCP, turn: turn & Int.max,
      client: { client().address })
    statistics.count(query.type, isTCP: isTCP, isIPv6: shared.sockets[socket].isIPv6)
    if block.rules.logSampling > 0 { logQuestion(block, outcome, writer.position, isTCP: isTCP, client: client) }
    switch outcome {
    case .answered(let code):
      statistics.count(code)
      return writer.position
    case .forward(let forwarding):
      return forward(forwarding, block, buffer, limit: limit, isTCP: isTCP, client: client)
    }
  }

  // MARK: connections

  func accept(_ socket: Int, _ kind: Int) {
    let entry = shared.sockets[socket].listeners[kind]
    let listener = entry.descriptor.raw
    for _ in 0..<16 {
      let descriptor = swiftlet_accept(listener)
      guard descriptor >= 0 else { return }
      let peer = SocketAddress.filled { getpeername(descriptor, $0, $1) }.address.address
      makeRoom(for: peer)
      var yes: CInt = 1
      setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
      var tls: TLSSession?
      if let context = entry.tls {
        tls = try? TLSSession(context, descriptor)
        if tls == nil {
          close(descriptor)
          continue
        }
      }
      let connection = TCPConnection(
        descriptor: descriptor, peer: peer, socket: socket, tls: tls, isHTTP: entry.isHTTP, now: now)
      if watch(descriptor, .connection, input: true, output: false) { connections[descriptor] = connection }
    }
  }

  /// Closes the connection that was idle longest where a new one would be too many: one of the client's own, so that
  /// nobody can take all places, or, where all are taken, anybody's.
  private func makeRoom(for peer: IPAddress?) {
    func dropOldest(_ isMeant: (TCPConnection) -> Bool) {
      var oldest: TCPConnection?
      for connection in connections.values where isMeant(connection) {
        if oldest.map({ connection.lastActivity < $0.lastActivity }) ?? true { oldest = connection }
      }
      if let oldest { drop(oldest) }
    }
    let most = shared.configuration.mostConnections
    let share = shared.configuration.mostConnectionsOfClient
    if let peer, connections.count >= share {
      var own = 0
      for connection in connections.values where connection.peer == peer { own += 1 }
      if own >= share { dropOldest { $0.peer == peer } }
    }
    if connections.count >= most { dropOldest { _ in true } }
  }

  func serve(_ connection: TCPConnection, _ events: UInt32) {
    if events & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
      if connection.wantsInput {
        guard connection.receive(now: now) else { return drop(connection) }
      } else if events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 {
        return drop(connection)
      }
    }
    answerMessages(of: connection)
  }

  /// Answers what has come in whole, and sends.
  func answerMessages(of connection: TCPConnection) {
    connection.takeMessages(now: now) { message, stream in
      statistics.queriesTCP.wrappingAdd(1, ordering: .relaxed)
      let verdict = query.parse(message)
      if verdict == .drop {
        statistics.dropped.wrappingAdd(1, ordering: .relaxed)
        return false
      }
      if verdict == .question, beginTransfer(connection) { return true }
      let length = answer(verdict, scratch, limit: 65535, isTCP: true, connection.socket) {
        .connection(connection, stream: stream)
      }
      if let length { connection.append(UnsafeBufferPointer(rebasing: scratch[..<length]), stream: stream) }
      return true
    }
    flush(connection)
  }

  func flush(_ connection: TCPConnection) {
    guard !connection.isClosed else { return }
    repeat {
      continueTransfer(connection)
      guard connection.flush(now: now) else { return drop(connection) }
    } while connection.transfer != nil && !connection.hasOutput
    guard !connection.isDone,
      watch(
        connection.descriptor, .connection, input: connection.wantsInput, output: connection.wantsOutput, change: true)
    else { return drop(connection) }
  }

  func drop(_ connection: TCPConnection) {
    connections[connection.descriptor] = nil
    connection.close()
  }

  // MARK: late answers

  /// Sends an upstream's answer, or without one the code, to somebody who waited.
  func deliver(_ upstream: UpstreamAnswer?, or code: ResponseCode, to waiter: Waiter) {
    waiter.message.withUnsafeBufferPointer { message in
      guard query.parse(message) == .question else { return }
      if query.edns?.clientCookie != nil, case .datagram(_, let datagram) = waiter.client {
        query.peer = ClientRates.hash(datagram)
      }
      var forwarding = waiter.forwarding
      let goesOn = forwarding.advance(after: upstream)
      func length(_ limit: Int, isTCP: Bool) -> Int? {
        if goesOn {
          return forward(forwarding, waiter.block, scratch, limit: limit, isTCP: isTCP) { waiter.client }
        }
        return write(upstream, or: code, forwarding, waiter.block, scratch, limit: limit, isTCP: isTCP)
      }
      switch waiter.client {
      case .datagram(let socket, let datagram):
        guard let length = length(query.datagramLimit, isTCP: false) else { return }
        var reply = datagram
        reply.data = scratch.baseAddress
        reply.length = UInt32(length)
        _ = swiftlet_send_datagrams(shared.sockets[socket].datagrams(of: number), &reply, 1)
      case .connection(let connection, let stream):
        connection.waiting -= 1
        guard !connection.isClosed, let length = length(65535, isTCP: true) else { return }
        connection.append(UnsafeBufferPointer(rebasing: scratch[..<length]), stream: stream)
        // Sent at the end of the round, when nobody is in the middle of this connection's messages; there may be more
        // of them that waited for this answer's place.
        resumed.append(connection)
      }
    }
  }

  /// Writes an answer to the parsed question from what an upstream said, after aliases of our own. Returns its length.
  func write(
    _ upstream: UpstreamAnswer?, or code: ResponseCode, _ forwarding: Forwarding, _ block: ServerBlock,
    _ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int, isTCP: Bool
  ) -> Int {
    let seconds = now / 1000
    if forwarding.asked == nil, let upstream,
      let length = upstream.copy(for: query, into: buffer, limit: limit, now: seconds)
    {
      statistics.count(upstream.code)
      return length
    }
    let responder = block.responder
    let keepalive = isTCP ? responder.keepalive : nil
    var writer = ResponseWriter(buffer)
    writer.begin(query, limit: limit)
    let final = upstream?.code ?? code
    statistics.count(final)
    if forwarding.isCompletion, final == .nameError, let zone = responder.zone {
      // The search list leads nowhere: the name that was asked for is the one that does not exist.
      writer.begin(section: .authority)
      responder.writeStart(of: zone.zone, zone, &writer)
      writer.finish(final, flags: Wire.authoritative | Wire.recursionAvailable, keepalive: keepalive)
      return writer.position
    }
    var owner = ResponseWriter.questionName
    for alias in forwarding.aliases {
      let data = writer.record(owner: owner, .cname, ttl: responder.ttl) { $0.append(name: alias) }
      owner = 0xC000 | UInt16(data ?? Wire.headerLength)
    }
    upstream?.write(
      into: &writer, now: seconds, renamed: forwarding.aliases.isEmpty ? forwarding.renamed : nil)
    writer.finish(final, flags: Wire.recursionAvailable, keepalive: keepalive)
    return writer.position
  }
}

extension Waiter.Client {
  /// Who asked.
  var address: IPAddress? {
    switch self {
    case .datagram(_, let datagram): datagram.peerAddress
    case .connection(let connection, _): connection.peer
    }
  }
}

extension swiftlet_datagram {
  fileprivate var peerAddress: IPAddress? {
    var address = SocketAddress()
    address.storage = peer
    return address.address
  }

  /// Goes to where another one came from, from where it was sent to.
  fileprivate mutating func address(as other: swiftlet_datagram) {
    peer = other.peer
    peer_length = other.peer_length
    local = other.local
    local_length = other.local_length
  }
}
