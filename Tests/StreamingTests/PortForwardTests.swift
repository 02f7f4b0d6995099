import Testing

@testable import Streaming

@Suite struct PortForwardTests {
  private static let mask: [UInt8] = [7, 0, 255, 1]
  private let client = SPDYWriter()

  private func open(_ id: UInt32, _ type: String, request: String = "0", port: String = "80") -> [UInt8] {
    client.stream(id, [SPDYHeader("streamtype", type), SPDYHeader("port", port), SPDYHeader("requestid", request)])
  }

  @Test(arguments: [false, true])
  func aConnectionFromItsBeginningToItsEnd(inWebSocket: Bool) throws {
    var streams = PortForwardProtocol(inWebSocket: inWebSocket)
    var unwrapping = WebSocketParser(expectsMask: false)
    var parser = SPDYParser()
    /// Cut at odd places, each piece a message of its own.
    func send(_ bytes: [UInt8]) throws -> [PortForwardProtocol.Event] {
      var events: [PortForwardProtocol.Event] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(5)
        events += try streams.receive(inWebSocket ? WebSocketFrame.binary(piece, mask: Self.mask) : Array(piece))
        rest = rest.dropFirst(5)
      }
      return events
    }
    func received() throws -> [SPDYParser.Event] {
      let bytes = streams.takeOutput()
      guard inWebSocket else { return try parser.receive(bytes) }
      var payload: [UInt8] = []
      for case .data(let piece, _, _) in try unwrapping.receive(bytes) { payload += piece }
      return try parser.receive(payload)
    }
    #expect(try send(open(1, "error")) == [])
    #expect(try send(open(3, "data")) == [.open(3, port: 80)])
    #expect(try received() == [.headers(1, [], ends: false), .headers(3, [], ends: false)])
    #expect(try send(client.data(3, [1, 2])) == [.data(3, [1, 2])])
    streams.write(3, [4, 5, 6])
    #expect(try received() == [.data(3, [4, 5, 6], ends: false)])
    #expect(try send(client.data(1, [], ends: true) + client.data(3, [], ends: true)) == [.ended(3)])
    streams.close(3)
    #expect(try received() == [.data(1, [], ends: true), .data(3, [], ends: true)])
    #expect(try send(open(5, "error", request: "1") + open(7, "data", request: "1")) == [.open(7, port: 80)])
    _ = try received()
    streams.close(7, error: "refused")
    #expect(try received() == [.data(5, Array("refused".utf8), ends: true), .data(7, [], ends: true)])
    #expect(try send(client.goAway(lastStream: 0)) == [.left])
  }

  @Test func whatIsNoPairIsRefused() throws {
    var streams = PortForwardProtocol(inWebSocket: false)
    let bytes =
      open(1, "data") + open(3, "error", port: "0") + open(5, "error", port: "70000") + open(7, "error", request: "")
      + open(9, "error") + open(11, "data", port: "81") + open(13, "error") + open(14, "data")
    #expect(try streams.receive(bytes) == [])
    var parser = SPDYParser()
    #expect(
      try parser.receive(streams.takeOutput()) == [
        .reset(1, 3), .reset(3, 3), .reset(5, 3), .reset(7, 3), .headers(9, [], ends: false), .reset(11, 3),
        .reset(13, 3), .reset(14, 3),
      ])
  }

  @Test func aResetGivesTheConnectionUp() throws {
    var streams = PortForwardProtocol(inWebSocket: false)
    _ = try streams.receive(open(1, "error") + open(3, "data"))
    _ = streams.takeOutput()
    #expect(try streams.receive(client.reset(3, 5)) == [.reset(3)])
    streams.write(3, [1])
    streams.close(3)
    #expect(streams.takeOutput() == [])
  }

  @Test func noMoreThanSoManyAtATime() throws {
    var streams = PortForwardProtocol(inWebSocket: false)
    var id: UInt32 = 1
    for request in 0..<PortForwardProtocol.mostConnections {
      _ = try streams.receive(open(id, "error", request: "\(request)"))
      id += 2
    }
    _ = streams.takeOutput()
    _ = try streams.receive(open(id, "error", request: "one more"))
    var parser = SPDYParser()
    #expect(try parser.receive(streams.takeOutput()) == [.reset(id, 3)])
    #expect(try streams.receive(open(id + 2, "data", request: "0")) == [.open(id + 2, port: 80)])
  }
}
