/// What SPDY's bytes travel in: the connection itself, or the messages of a WebSocket, cut anywhere.
struct SPDYCarrier {
  private static let longestMessage = 32 * 1024

  private var parser: WebSocketParser?
  private var replies: [UInt8] = []
  private var isClosed = false

  init(inWebSocket: Bool) { parser = inWebSocket ? WebSocketParser() : nil }

  /// SPDY's bytes out of those that came, and whether the client has closed the WebSocket.
  mutating func receive(_ bytes: [UInt8]) throws(WebSocketError) -> (payload: [UInt8], hasLeft: Bool) {
    guard parser != nil else { return (bytes, false) }
    var payload: [UInt8] = []
    var hasLeft = false
    do {
      for event in try parser!.receive(bytes) {
        switch event {
        case .data(let piece, _, _): payload += piece
        case .ping(let content): replies += WebSocketFrame.pong(content)
        case .pong: break
        case .close:
          replies += close()
          hasLeft = true
        }
      }
    } catch {
      if !isClosed { replies += WebSocketFrame.close(error.code) }
      isClosed = true
      throw error
    }
    return (payload, hasLeft)
  }

  func wrap(_ bytes: [UInt8]) -> [UInt8] {
    guard parser != nil else { return bytes }
    var output: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty, !isClosed {
      output += WebSocketFrame.binary(rest.prefix(Self.longestMessage))
      rest = rest.dropFirst(Self.longestMessage)
    }
    return output
  }

  mutating func close() -> [UInt8] {
    guard parser != nil, !isClosed else { return [] }
    isClosed = true
    return WebSocketFrame.close(1000)
  }

  mutating func takeReplies() -> [UInt8] {
    defer { replies = [] }
    return replies
  }
}
