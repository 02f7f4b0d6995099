internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization

extension Worker {
  // MARK: datagrams

  func receiveDatagrams(_ socket: Int) {
    let descriptor = shared.sockets[socket].datagrams.raw
    let count = Int(swiftlet_receive_datagrams(descriptor, received, UInt32(Self.batch)))
    guard count > 0 else { return }
    shared.statistics.queriesUDP.wrappingAdd(UInt64(count), ordering: .relaxed)
    var ready = 0
    for index in 0..<count {
      let datagram = received[index]
      let message = UnsafeBufferPointer(start: UnsafePointer(datagram.data), count: Int(datagram.length))
      let verdict = query.parse(message)
      if verdict == .drop {
        shared.statistics.dropped.wrappingAdd(1, ordering: .relaxed)
        continue
      }
      let buffer = UnsafeMutableBufferPointer(start: replies[ready].data, count: Wire.datagramLimit)
      let length = answer(verdict, buffer, limit: query.datagramLimit, isTCP: false) {
        .datagram(socket: socket, datagram)
      }
      guard let length else { continue }
      replies[ready].length = UInt32(length)
      replies[ready].address(as: datagram)
      ready += 1
    }
    send(ready, descriptor)
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
  private func answer(
    _ verdict: Query.Verdict, _ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int, isTCP: Bool,
    client: () -> Waiter.Client
  ) -> Int? {
    var writer = ResponseWriter(buffer)
    turn &+= 1
    let outcome = shared.responder.respond(
      to: query, verdict, into: &writer, limit: limit, isTCP: isTCP, turn: turn & Int.max)
    switch outcome {
    case .answered(let code):
      shared.statistics.count(code)
      return writer.position
    case .forward(let aliases):
      return forward(aliases, buffer, limit: limit, isTCP: isTCP, client: client)
    }
  }

  // MARK: connections

  func accept(_ socket: Int) {
    let listener = shared.sockets[socket].listener.raw
    for _ in 0..<16 {
      let descriptor = swiftlet_accept(listener)
      guard descriptor >= 0 else { return }
      if connections.count >= shared.configuration.mostConnections,
        let oldest = connections.values.min(by: { $0.lastActivity < $1.lastActivity })
      {
        drop(oldest)
      }
      var yes: CInt = 1
      setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
      let connection = TCPConnection(descriptor: descriptor, now: now)
      if watch(descriptor, .connection, input: true, output: false) { connections[descriptor] = connection }
    }
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
    connection.takeMessages { message in
      shared.statistics.queriesTCP.wrappingAdd(1, ordering: .relaxed)
      let verdict = query.parse(message)
      if verdict == .drop {
        shared.statistics.dropped.wrappingAdd(1, ordering: .relaxed)
        return
      }
      if verdict == .question, beginTransfer(connection) { return }
      let length = answer(verdict, scratch, limit: 65535, isTCP: true) {
        connection.waiting += 1
        return .connection(connection)
      }
      if let length { connection.append(UnsafeBufferPointer(rebasing: scratch[..<length])) }
    }
    flush(connection)
  }

  private func flush(_ connection: TCPConnection) {
    guard !connection.isClosed else { return }
    repeat {
      continueTransfer(connection)
      guard connection.flush(now: now) else { return drop(connection) }
    } while connection.transfer != nil && !connection.hasOutput
    guard !connection.isDone,
      watch(
        connection.descriptor, .connection, input: connection.wantsInput, output: connection.hasOutput, change: true)
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
      switch waiter.client {
      case .datagram(let socket, let datagram):
        let length = write(upstream, or: code, waiter.aliases, scratch, limit: query.datagramLimit, isTCP: false)
        var reply = datagram
        reply.data = scratch.baseAddress
        reply.length = UInt32(length)
        _ = swiftlet_send_datagrams(shared.sockets[socket].datagrams.raw, &reply, 1)
      case .connection(let connection):
        connection.waiting -= 1
        guard !connection.isClosed else { return }
        let length = write(upstream, or: code, waiter.aliases, scratch, limit: 65535, isTCP: true)
        connection.append(UnsafeBufferPointer(rebasing: scratch[..<length]))
        // Sent at the end of the round, when nobody is in the middle of this connection's messages; there may be more
        // of them that waited for this answer's place.
        resumed.append(connection)
      }
    }
  }

  /// Writes an answer to the parsed question from what an upstream said, after aliases of our own. Returns its length.
  func write(
    _ upstream: UpstreamAnswer?, or code: ResponseCode, _ aliases: [DomainName],
    _ buffer: UnsafeMutableBufferPointer<UInt8>, limit: Int, isTCP: Bool
  ) -> Int {
    let seconds = now / 1000
    if aliases.isEmpty, let upstream, let length = upstream.copy(for: query, into: buffer, limit: limit, now: seconds) {
      shared.statistics.count(upstream.code)
      return length
    }
    var writer = ResponseWriter(buffer)
    writer.begin(query, limit: limit)
    var owner = ResponseWriter.questionName
    for alias in aliases {
      let data = writer.record(owner: owner, .cname, ttl: shared.responder.ttl) { $0.append(name: alias) }
      owner = 0xC000 | UInt16(data ?? Wire.headerLength)
    }
    upstream?.write(into: &writer, now: seconds)
    let final = upstream?.code ?? code
    shared.statistics.count(final)
    writer.finish(
      final, flags: Wire.recursionAvailable, keepalive: isTCP ? shared.responder.keepalive : nil)
    return writer.position
  }
}

extension swiftlet_datagram {
  /// Goes to where another one came from, from where it was sent to.
  fileprivate mutating func address(as other: swiftlet_datagram) {
    peer = other.peer
    peer_length = other.peer_length
    local = other.local
    local_length = other.local_length
  }
}
