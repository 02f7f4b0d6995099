/// `v4.channel.k8s.io` over SPDY/3.1: the client opens a stream for each channel and names it in `streamtype`.
package struct SPDYCommand: CommandProtocol {
  private let wanted: Set<CommandChannel>
  private var parser = SPDYParser()
  private let writer = SPDYWriter()
  private var output: [UInt8] = []
  private var streams: [CommandChannel: UInt32] = [:]
  private var channels: [UInt32: CommandChannel] = [:]
  private var lastStream: UInt32 = 0
  private var size = TerminalSize()
  private var isFinished = false

  package init(_ wanted: CommandStreams) { self.wanted = wanted.channels }

  package var isReady: Bool { wanted.isSubset(of: streams.keys) }

  package mutating func receive(_ bytes: [UInt8]) throws -> [CommandEvent] {
    var events: [CommandEvent] = []
    for event in try parser.receive(bytes) {
      switch event {
      case .stream(let id, let headers, let ends):
        open(id, headers)
        if ends, channels[id] == .stdin { events.append(.inputEnded) }
      case .data(let id, let bytes, let ends):
        if channels[id] == .stdin, !bytes.isEmpty { events.append(.input(bytes)) }
        if channels[id] == .stdin, ends { events.append(.inputEnded) }
        if channels[id] == .resize { events += try size.receive(bytes) }
      case .reset(let id, _):
        guard let channel = channels[id] else { break }
        // What it no longer wants is thrown away from here on.
        channels[id] = nil
        if channel == .stdin { events.append(.inputEnded) }
      case .ping(let id): if id & 1 == 1 { output += writer.ping(id) }
      case .goAway: events.append(.left)
      case .headers: break
      }
    }
    return events
  }

  private mutating func open(_ id: UInt32, _ headers: [SPDYHeader]) {
    let type = headers.first { $0.name == "streamtype" }?.value ?? ""
    // A client's streams are odd and grow (section 2.3.2).
    guard id & 1 == 1, id > lastStream, let channel = CommandChannel(streamType: type), streams[channel] == nil else {
      output += writer.reset(id, 3)
      return
    }
    lastStream = id
    streams[channel] = id
    channels[id] = channel
    output += writer.reply(id)
  }

  package mutating func write(_ channel: CommandChannel, _ bytes: [UInt8]) {
    guard !isFinished, let id = streams[channel], channels[id] != nil else { return }
    output += writer.data(id, bytes)
  }

  package mutating func finish(_ status: [UInt8]) {
    guard !isFinished else { return }
    write(.error, status)
    isFinished = true
    for channel in [CommandChannel.stdout, .stderr, .error] {
      if let id = streams[channel], channels[id] != nil { output += writer.data(id, [], ends: true) }
    }
    output += writer.goAway(lastStream: lastStream)
  }

  package mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    return output
  }
}
