import JSON
import Testing

@testable import StandIn

@Suite struct ConversationTests {
  static var answer: StandInAnswer {
    var identity = StandInIdentity()
    identity.namespace = "shop"
    identity.pod = "web-1"
    identity.container = "server"
    identity.node = "node1"
    return StandInAnswer(identity: identity, client: "10.244.1.7:51034", address: "10.244.2.3", port: 8080)
  }

  static let line =
    "pod=web-1 namespace=shop container=server node=node1 client=10.244.1.7:51034 address=10.244.2.3 port=8080\n"

  @Test(arguments: [
    ("", FirstBytes.undecided), ("G", .undecided), ("GET ", .undecided), ("GET / HTTP/1.1\r\n", .http1),
    ("GET / HTTP/1.0\n", .http1), ("GET lost\n", .other), ("GETX", .other), ("hello", .other), ("P", .undecided),
    ("PRI * HTTP/2.0\r\n\r\nSM", .undecided), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0", .http2), ("PRIX", .other),
    ("\u{16}\u{3}\u{1}", .other), ("OPTIONS * HTTP/1.1\r\n", .http1),
  ])
  func firstBytesTellTheProtocol(text: String, expected: FirstBytes) {
    #expect(FirstBytes(Array(text.utf8)) == expected)
  }

  @Test func httpIsAnsweredWithWhatWasSeen() throws {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array("GET /a?b=1 HTTP/1.1\r\nHost: shop\r\nX-A: 1\r\nx-a: 2\r\n\r\n".utf8))
    let text = String(decoding: conversation.takeOutput(), as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(text.contains("Connection: keep-alive\r\n"))
    let body = try JSON(parsing: String(text[text.range(of: "\r\n\r\n")!.upperBound...]))
    #expect(body["pod"] == "web-1")
    #expect(body["client"] == "10.244.1.7:51034")
    #expect(body["address"] == "10.244.2.3")
    #expect(body["port"] == 8080)
    #expect(body["host"] == "shop")
    #expect(body["method"] == "GET")
    #expect(body["path"] == "/a?b=1")
    #expect(body["headers", "x-a"] == "1, 2")
    #expect(!conversation.isDone)
    #expect(conversation.isIdle)
  }

  @Test func textIsGivenToWhomAcceptsText() {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array("GET / HTTP/1.1\r\nAccept: text/plain\r\n\r\n".utf8))
    let text = String(decoding: conversation.takeOutput(), as: UTF8.self)
    #expect(text.contains("Content-Type: text/plain"))
    #expect(text.contains("\r\n\r\npod=web-1\nnamespace=shop\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", false), ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", true),
    ("GET / HTTP/1.0\r\n\r\n", true), ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false),
    ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", true),
    ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", true),
  ])
  func connectionEndsAfterAnswer(request: String, ends: Bool) {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array(request.utf8))
    #expect(conversation.takeOutput().starts(with: Array("HTTP/1.1 200".utf8)))
    #expect(conversation.isDone == ends)
  }

  @Test func requestsOneByteAtATimeAndBodiesAreSkipped() {
    var conversation = Conversation(Self.answer)
    var answers = 0
    for byte in Array("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /HEAD /x HTTP/1.1\r\n\r\n".utf8) {
      conversation.receive([byte])
      if !conversation.takeOutput().isEmpty { answers += 1 }
    }
    #expect(answers == 2)
  }

  @Test func pipelinedRequestsAreAnsweredInTurn() {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n".utf8))
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self).contains("\"/1\""))
    #expect(conversation.takeOutput().isEmpty)
    conversation.proceed()
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self).contains("\"/2\""))
  }

  @Test func headHasNoBody() {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array("HEAD / HTTP/1.1\r\n\r\n".utf8))
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self).hasSuffix("\r\n\r\n"))
  }

  @Test func otherBytesAreEchoedAfterALine() {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array("hello\n".utf8))
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self) == Self.line + "hello\n")
    conversation.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8))
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self) == "GET / HTTP/1.1\r\n\r\n")
    conversation.receiveEnd()
    #expect(conversation.isDone)
  }

  @Test func silentClientLearnsWhomItReached() {
    var conversation = Conversation(Self.answer)
    conversation.receiveEnd()
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self) == Self.line)
    #expect(conversation.isDone)
  }

  @Test func http2IsRefusedByItsOwnMeans() {
    var conversation = Conversation(Self.answer)
    conversation.receive(FirstBytes.http2Preface + [0, 0, 0, 4, 0, 0, 0, 0, 0])
    let output = conversation.takeOutput()
    #expect(output[3] == 0x04)  // SETTINGS
    #expect(output[12] == 0x07)  // GOAWAY
    #expect(output.last == 0x0D)  // HTTP_1_1_REQUIRED
    #expect(conversation.isDone)
  }

  @Test func endAndDelayAreAskedForByPath() {
    var conversation = Conversation(Self.answer)
    conversation.receive(
      Array("GET /_swiftlet/slow?ms=250 HTTP/1.1\r\n\r\nGET /_swiftlet/exit?code=3 HTTP/1.1\r\n\r\n".utf8))
    #expect(conversation.takeDelay() == 250)
    #expect(conversation.exitCode == nil)
    _ = conversation.takeOutput()
    conversation.proceed()
    #expect(conversation.exitCode == 3)
  }

  @Test func endlessHeadIsRefused() {
    var conversation = Conversation(Self.answer)
    conversation.receive(Array("GET / HTTP/1.1\r\n".utf8))
    for _ in 0..<20 where !conversation.isDone { conversation.receive([UInt8](repeating: 0x41, count: 1024)) }
    #expect(String(decoding: conversation.takeOutput(), as: UTF8.self).hasPrefix("HTTP/1.1 431"))
    #expect(conversation.isDone)
  }
}

extension String {
  /// Foundation's search, without Foundation.
  fileprivate func range(of text: String) -> Range<String.Index>? { ranges(of: text).first }
}
