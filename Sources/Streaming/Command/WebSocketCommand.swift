/// `v4.channel.k8s.io` and `v5.channel.k8s.io`: messages of a WebSocket whose first byte is the channel.
package struct WebSocketCommand: CommandProtocol {
  /// In the fifth version the client closes a channel with this one.
  private static let closing: UInt8 = 255
  /// Bytes of a message to the client.
  private static let longestMessage = 32 * 1024

  private let canCloseInput: Bool
  private var parser = WebSocketParser()
  private var output: [UInt8] = []
  /// Of the message that comes in; nil at its beginning.
  private var channel: UInt8?
  private var size = TerminalSize()
  private var isFinished = false

  /// - Parameter version: 4 or 5.
  package init(version: Int) { canCloseInput = version >= 5 }

  package var isReady: Bool { true }

  package mutating func receive(_ bytes: [UInt8]) throws -> [CommandEvent] {
    var events: [CommandEvent] = []
    do {
      for event in try parser.receive(bytes) {
        switch event {
        case .data(let bytes, let begins, _):
          if begins { channel = nil }
          events += try take(bytes)
        case .ping(let payload): output += WebSocketFrame.pong(payload)
        case .pong: break
        case .close:
          if !isFinished { output += WebSocketFrame.close(1000) }
          isFinished = true
          events.append(.left)
        }
      }
    } catch let error as WebSocketError {
      if !isFinished { output += WebSocketFrame.close(error.code) }
      isFinished = true
      throw error
    }
    return events
  }

  private mutating func take(_ bytes: [UInt8]) throws -> [CommandEvent] {
    var rest = bytes[...]
    if channel == nil { channel = rest.popFirst() }
    guard let channel, !rest.isEmpty else { return [] }
    switch channel {
    case CommandChannel.stdin.rawValue: return [.input(Array(rest))]
    case CommandChannel.resize.rawValue: return try size.receive(Array(rest))
    case Self.closing where canCloseInput && rest.first == CommandChannel.stdin.rawValue: return [.inputEnded]
    // Nobody may write to the others; the real server lets it pass too.
    default: return []
    }
  }

  package mutating func write(_ channel: CommandChannel, _ bytes: [UInt8]) {
    guard !isFinished else { return }
    var rest = bytes[...]
    while !rest.isEmpty {
      output += WebSocketFrame.binary([channel.rawValue] + rest.prefix(Self.longestMessage))
      rest = rest.dropFirst(Self.longestMessage)
    }
  }

  package mutating func finish(_ status: [UInt8]) {
    write(.error, status)
    // Without a close of code 1000 clients take it for a broken connection.
    if !isFinished { output += WebSocketFrame.close(1000) }
    isFinished = true
  }

  package mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    return output
  }
}
