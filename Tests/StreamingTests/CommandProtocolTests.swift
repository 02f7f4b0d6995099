import JSON
import Testing

@testable import Streaming

/// What clients of `exec` send and must see, after what kubectl and the Python client were seen to do.
@Suite struct CommandProtocolTests {
  private static let mask: [UInt8] = [7, 0, 255, 1]
  private func frame(_ channel: UInt8, _ text: String) -> [UInt8] {
    WebSocketFrame.binary([channel] + text.utf8, mask: Self.mask)
  }

  /// The frames a server sends: opcode and payload.
  private func frames(_ bytes: [UInt8]) throws -> [WebSocketParser.Event] {
    var parser = WebSocketParser(expectsMask: false)
    return try parser.receive(bytes)
  }

  @Test func channelsOfAWebSocket() throws {
    var command = WebSocketCommand(version: 5)
    #expect(command.isReady)
    #expect(
      try command.receive(frame(0, "ab") + frame(0, "") + frame(0, "c")) == [.input([0x61, 0x62]), .input([0x63])])
    let size = frame(4, "{\"Width\":80,\"Hei") + frame(4, "ght\":24}{\"Width\":1,\"Height\":2}")
    #expect(try command.receive(size) == [.resize(columns: 80, rows: 24), .resize(columns: 1, rows: 2)])
    #expect(try command.receive(frame(1, "nobody writes here")) == [])
    #expect(try command.receive(WebSocketFrame.binary([255, 0], mask: Self.mask)) == [.inputEnded])
    command.write(.stdout, Array("out".utf8))
    command.write(.stderr, Array("err".utf8))
    command.finish(CommandStatus.exited(0).bytes)
    let sent = try frames(command.takeOutput())
    #expect(
      sent.dropLast(2) == [
        .data([1] + "out".utf8, begins: true, ends: true), .data([2] + "err".utf8, begins: true, ends: true),
      ])
    #expect(sent.last == .close(1000))
    guard case .data(let status, _, _) = sent[2] else { return }
    #expect(status.first == 3)
    #expect(try JSON(parsing: Array(status.dropFirst()))["status"] == "Success")
  }

  @Test func theFourthVersionHasNoEndOfInput() throws {
    var command = WebSocketCommand(version: 4)
    #expect(try command.receive(WebSocketFrame.binary([255, 0], mask: Self.mask)) == [])
  }

  @Test func pingsAreAnsweredAndACloseToo() throws {
    var command = WebSocketCommand(version: 5)
    #expect(try command.receive(WebSocketFrame.ping([1, 2], mask: Self.mask)) == [])
    #expect(command.takeOutput() == WebSocketFrame.pong([1, 2]))
    #expect(try command.receive(WebSocketFrame.close(1000, mask: Self.mask)) == [.left])
    #expect(command.takeOutput() == WebSocketFrame.close(1000))
    command.write(.stdout, [1])
    command.finish([2])
    #expect(command.takeOutput() == [], "nothing follows a close")
  }

  @Test func aBrokenFrameIsClosedWith1002() {
    var command = WebSocketCommand(version: 5)
    #expect(throws: WebSocketError.self) { try command.receive([0xF2, 0x80]) }
    #expect(command.takeOutput() == WebSocketFrame.close(1002))
  }

  private func streamType(_ name: String) -> [SPDYHeader] { [SPDYHeader("streamtype", name)] }

  @Test func streamsOfSPDY() throws {
    let client = SPDYWriter()
    var command = SPDYCommand(CommandStreams(stdin: true))
    for (index, name) in ["error", "stdin", "stdout", "stderr"].enumerated() {
      #expect(!command.isReady, "before \(name)")
      #expect(try command.receive(client.stream(UInt32(2 * index + 1), streamType(name))) == [])
    }
    #expect(command.isReady)
    var parser = SPDYParser()
    #expect(
      try parser.receive(command.takeOutput()) == [1, 3, 5, 7].map { SPDYParser.Event.headers($0, [], ends: false) })
    #expect(try command.receive(client.data(3, [9], ends: true)) == [.input([9]), .inputEnded])
    #expect(try command.receive(client.ping(1)) == [])
    #expect(try parser.receive(command.takeOutput()) == [.ping(1)])
    command.write(.stdout, [1, 2])
    command.finish(CommandStatus.exited(7).bytes)
    let sent = try parser.receive(command.takeOutput())
    #expect(sent.first == .data(5, [1, 2], ends: false))
    #expect(
      sent.suffix(4) == [
        .data(5, [], ends: true), .data(7, [], ends: true), .data(1, [], ends: true), .goAway,
      ])
    guard case .data(1, let bytes, false) = sent[1] else {
      Issue.record("found \(sent)")
      return
    }
    let status = try JSON(parsing: bytes)
    #expect(status["reason"] == "NonZeroExitCode")
    #expect(status["details", "causes"].elements.first?["message"] == "7")
  }

  @Test func streamsNobodyAskedForAreRefused() throws {
    let client = SPDYWriter()
    var command = SPDYCommand(CommandStreams())
    let bytes =
      client.stream(2, streamType("error")) + client.stream(3, streamType("nonsense"))
      + client.stream(5, streamType("stdout")) + client.stream(7, streamType("stdout"))
      + client.stream(5, streamType("error"))
    _ = try command.receive(bytes)
    var parser = SPDYParser()
    #expect(
      try parser.receive(command.takeOutput()) == [
        .reset(2, 3), .reset(3, 3), .headers(5, [], ends: false), .reset(7, 3), .reset(5, 3),
      ])
  }

  @Test func outputThatTheClientGaveUpIsThrownAway() throws {
    let client = SPDYWriter()
    var command = SPDYCommand(CommandStreams(stdout: true, stderr: false))
    _ = try command.receive(client.stream(1, streamType("error")) + client.stream(3, streamType("stdout")))
    _ = command.takeOutput()
    _ = try command.receive(client.reset(3, 5))
    command.write(.stdout, [1])
    #expect(command.takeOutput() == [])
  }

  @Test func aSizeWithoutEndIsRefused() {
    var command = WebSocketCommand(version: 5)
    #expect(throws: (any Error).self) { try command.receive(self.frame(4, String(repeating: "{", count: 2000))) }
  }
}
