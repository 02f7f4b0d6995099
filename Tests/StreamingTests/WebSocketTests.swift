import Testing

@testable import Streaming

@Suite struct WebSocketTests {
  private static let mask: [UInt8] = [1, 2, 3, 4]

  private func events(_ bytes: [UInt8], pieces: Int) throws -> [WebSocketParser.Event] {
    var parser = WebSocketParser()
    var events: [WebSocketParser.Event] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      events += try parser.receive(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
    }
    return events
  }

  /// The bytes of all messages, each as one.
  private func messages(_ events: [WebSocketParser.Event]) -> [[UInt8]] {
    var messages: [[UInt8]] = []
    for case .data(let bytes, let begins, _) in events {
      if begins { messages.append([]) }
      messages[messages.count - 1] += bytes
    }
    return messages
  }

  @Test(arguments: [0, 1, 125, 126, 127, 65535, 65536, 70000], [1, 7, 4096, 1 << 20])
  func messagesOfEveryLengthComeThroughCutAnywhere(length: Int, pieces: Int) throws {
    let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let events = try events(
      WebSocketFrame.binary(payload, mask: Self.mask) + WebSocketFrame.ping([9], mask: Self.mask)
        + WebSocketFrame.close(1000, mask: Self.mask), pieces: pieces)
    #expect(messages(events) == [payload])
    #expect(events.suffix(2) == [.ping([9]), .close(1000)])
    let last = events.dropLast(2).last
    guard case .data(_, _, true) = last else {
      Issue.record("the message has no end: \(String(describing: last))")
      return
    }
  }

  /// RFC 6455 section 5.7: "Hello" masked, and in two fragments with a ping between them.
  @Test func examplesOfTheSpecification() throws {
    let masked: [UInt8] = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]
    #expect(messages(try events(masked, pieces: 3)) == [Array("Hello".utf8)])
    var parser = WebSocketParser(expectsMask: false)
    let fragments: [UInt8] = [0x01, 3, 0x48, 0x65, 0x6C, 0x89, 0, 0x80, 2, 0x6C, 0x6F]
    let found = try parser.receive(fragments)
    #expect(messages(found) == [Array("Hello".utf8)])
    #expect(found.contains(.ping([])))
    #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  }

  @Test(
    arguments: [
      ("reserved bit", [0xC2, 0x80, 0, 0, 0, 0]), ("unknown opcode", [0x83, 0x80, 0, 0, 0, 0]),
      ("not masked", [0x82, 0x01, 0x61]), ("fragmented ping", [0x09, 0x80, 0, 0, 0, 0]),
      ("long ping", [0x89, 0xFE, 0, 126, 0, 0, 0, 0]), ("goes on without beginning", [0x80, 0x80, 0, 0, 0, 0]),
      ("a message within a message", [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]),
      ("length not shortest", [0x82, 0xFE, 0, 5, 0, 0, 0, 0]),
      ("length beyond 63 bits", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      ("half a close code", [0x88, 0x81, 0, 0, 0, 0, 3]),
    ] as [(String, [UInt8])])
  func whatTheSpecificationForbidsIsRefused(what: String, bytes: [UInt8]) {
    #expect(throws: WebSocketError.self, "\(what)") { try self.events(bytes, pieces: 1) }
  }

  @Test func keysThatAreNoneAreRefused() {
    for key in ["", "abc", "dGhlIHNhbXBsZSBub25jZQ=!", "dGhlIHNhbXBsZSBub25jZQ==AAAA", "dGhl\u{0}HNhbXBsZSBub25jZQ=="] {
      #expect(WebSocketHandshake.accept(key: key) == nil, "\(key)")
    }
  }
}
