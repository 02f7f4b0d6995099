internal import Glibc
internal import Linux
internal import Streaming

/// Carries the streams of one command between a client and a process, with bounded buffers, until the command ends or the
/// client leaves.
final class CommandSession {
  /// Bytes that wait in a direction.
  private static let room = 128 * 1024
  /// Seconds until the client has opened its streams.
  private static let openingTime = 30.0
  /// Seconds that output is waited for after the end: a process left behind may hold the streams for ever.
  private static let outputTime = 1.0

  /// The client is gone: there is nobody to tell.
  struct ClientLeft: Error {}

  private let connection: NodeServerConnection
  private let upgrade: StreamUpgrade
  private var transport: any CommandProtocol
  /// To the client.
  private var pending: ArraySlice<UInt8> = []
  /// To the command.
  private var input: ArraySlice<UInt8> = []
  private var inputHasEnded = false
  private var size: (columns: UInt16, rows: UInt16)?

  init(_ connection: NodeServerConnection, _ streams: CommandStreams, _ upgrade: StreamUpgrade) {
    self.connection = connection
    self.upgrade = upgrade
    switch upgrade.carrier {
    case .spdy: transport = SPDYCommand(streams)
    case .webSocket: transport = WebSocketCommand(version: upgrade.streamProtocol.hasPrefix("v5") ? 5 : 4)
    }
  }

  func run(_ start: () throws -> StartedCommand) {
    do {
      try open()
      let command: StartedCommand
      do { command = try start() } catch { return try finish(.failed("\(error)")) }
      defer { command.abandon() }
      if let size { command.resize(columns: size.columns, rows: size.rows) }
      try finish(try carry(command))
    } catch {
      // The client has left, or broke the protocol; a close that the protocol wants is sent if that is possible at once.
      pending += transport.takeOutput()
      _ = try? connection.connection.write(pending)
      connection.connection.closeWrite()
    }
  }

  /// Shows what a running container writes from now on; its input is /dev/null.
  func attach(_ process: ProcessIdentity, log: String) {
    do {
      try open()
      guard let handle = ProcessHandle(process) else { return try finish(.exited(0)) }
      try follow(handle, log)
      try finish(.exited(0))
    } catch {
      connection.connection.closeWrite()
    }
  }

  /// Answers the upgrade and waits until all streams are there.
  private func open() throws {
    try connection.send(upgrade.head)
    try take(connection.early)
    let deadline = Time.monotonicSeconds + Self.openingTime
    while !transport.isReady {
      try connection.send(transport.takeOutput())
      guard case .bytes(let bytes) = try connection.connection.read(until: deadline) else { throw ClientLeft() }
      try take(bytes)
    }
  }

  private func take(_ bytes: [UInt8]) throws {
    for event in try transport.receive(bytes) {
      switch event {
      case .input(let bytes): if !inputHasEnded { input += bytes }
      case .inputEnded: inputHasEnded = true
      case .resize(let columns, let rows): size = (columns, rows)
      case .left: throw ClientLeft()
      }
    }
  }

  /// What the client is to learn of the end.
  private func carry(_ command: StartedCommand) throws -> CommandStatus {
    var end: Double?
    while true {
      if input.isEmpty, inputHasEnded { command.closeInput() }
      if command.input == nil { input = [] }
      pending += transport.takeOutput()
      if let end {
        let isDone = command.output == nil && command.errors == nil
        if isDone || Time.monotonicSeconds >= end {
          return .exited(Int(command.status()?.shellCode ?? 255))
        }
      }
      let canRead = pending.count < Self.room
      var entries = [
        try clientEntry(reads: input.count < Self.room),
        pollfd(fd: connection.stopped, events: Int16(POLLIN), revents: 0),
        entry(command.input, POLLOUT, !input.isEmpty), entry(command.output, POLLIN, canRead),
        entry(command.errors, POLLIN, canRead),
        pollfd(fd: end == nil ? command.descriptor : -1, events: Int16(POLLIN), revents: 0),
      ]
      let limit = end.map { $0 - Time.monotonicSeconds } ?? connection.idleLimit
      let count = try wait(&entries, limit, isIdleLimit: end == nil)
      if count == 0 { continue }
      try exchange(entries[0])
      if let size {
        command.resize(columns: size.columns, rows: size.rows)
        self.size = nil
      }
      if entries[2].revents != 0, let stream = command.input, !write(stream.raw) { command.closeInput() }
      if entries[3].revents != 0, let stream = command.output, !read(stream.raw, .stdout) { command.closeOutput() }
      if entries[4].revents != 0, let stream = command.errors, !read(stream.raw, .stderr) { command.closeErrors() }
      if entries[5].revents != 0 { end = Time.monotonicSeconds + Self.outputTime }
    }
  }

  private func entry(_ stream: StartedCommand.Stream?, _ events: CInt, _ isWanted: Bool) -> pollfd {
    pollfd(fd: isWanted ? stream?.raw ?? -1 : -1, events: Int16(events), revents: 0)
  }

  private func clientEntry(reads: Bool) throws -> pollfd {
    var events: CInt = reads ? POLLIN : 0
    if !pending.isEmpty { events |= POLLOUT }
    return pollfd(fd: events == 0 ? -1 : connection.connection.descriptor, events: Int16(events), revents: 0)
  }

  /// Waits for one of the entries, of which the second ends all.
  private func wait(_ entries: inout [pollfd], _ seconds: Double, isIdleLimit: Bool) throws -> CInt {
    let isPending = connection.connection.hasPending && input.count < Self.room
    let count = poll(&entries, nfds_t(entries.count), isPending ? 0 : CInt(min(max(0, seconds) * 1000 + 1, 1e9)))
    if isPending {
      entries[0].revents |= Int16(POLLIN)
      return 1
    }
    if count < 0, errno == EINTR { return 0 }
    if count < 0 || entries[1].revents != 0 || (count == 0 && isIdleLimit) { throw ClientLeft() }
    return count
  }

  /// Reads from the client and writes to it, as far as that is possible now.
  private func exchange(_ entry: pollfd) throws {
    if entry.revents & ~Int16(POLLOUT) != 0, input.count < Self.room {
      switch try connection.connection.read() {
      case .bytes(let bytes): try take(bytes)
      case .nothing: break
      case .end: throw ClientLeft()
      }
    }
    pending += transport.takeOutput()
    if !pending.isEmpty { pending = pending.dropFirst(try connection.connection.write(pending)) }
  }

  /// False if the command reads no more.
  private func write(_ raw: CInt) -> Bool {
    let count = input.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) }
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    input = input.dropFirst(count)
    return true
  }

  /// False at the end.
  private func read(_ raw: CInt, _ channel: CommandChannel) -> Bool {
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: 32 * 1024) { buffer, initialized in
      count = Glibc.read(raw, buffer.baseAddress, buffer.count)
      initialized = max(0, count)
    }
    if count < 0 { return errno == EAGAIN || errno == EINTR }
    transport.write(channel, bytes)
    return count > 0
  }

  private func follow(_ process: ProcessHandle, _ path: String) throws {
    guard let follower = LogFollower(path, LogFollower.fromNow, process) else { return }
    while true {
      input = []
      if pending.count < Self.room {
        guard let bytes = follower.next() else { return }
        transport.write(.stdout, bytes)
        pending += transport.takeOutput()
      }
      var entries = follower.entries(
        try clientEntry(reads: true), pollfd(fd: connection.stopped, events: Int16(POLLIN), revents: 0),
        waits: pending.isEmpty)
      if try wait(&entries, connection.idleLimit, isIdleLimit: true) > 0 { try exchange(entries[0]) }
    }
  }

  /// Tells the end and sees to it that it is heard.
  private func finish(_ status: CommandStatus) throws {
    transport.finish(status.bytes)
    pending += transport.takeOutput()
    let rest = pending
    pending = []
    try connection.finish(rest)
  }
}
