import Testing

@testable import Streaming

@Suite struct HTTPHeadTests {
  @Test func aRequestIsRead() throws {
    let text = "GET /exec/a/b/c?command=x HTTP/1.1\r\nHost: n\r\nUpgrade:  websocket \r\nX-A: 1\r\nx-a: 2\r\n\r\nrest"
    let (head, count) = try #require(try HTTPHead.parse(Array(text.utf8)))
    #expect(head.method == "GET")
    #expect(head.target == "/exec/a/b/c?command=x")
    #expect(head["upgrade"] == "websocket")
    #expect(head.list("x-a") == ["1", "2"])
    #expect(String(decoding: Array(text.utf8)[count...], as: UTF8.self) == "rest")
    #expect(try HTTPHead.parse(Array(text.utf8.prefix(40))) == nil)
  }

  @Test func anAnswerIsRead() throws {
    let bytes = HTTPHead.bytes("HTTP/1.1 101 Switching Protocols", [("Upgrade", "SPDY/3.1")])
    let (head, _) = try #require(try HTTPHead.parse(bytes))
    #expect(head.status == 101)
    #expect(head["upgrade"] == "SPDY/3.1")
  }

  @Test(arguments: [
    "\r\n\r\n", "GET /\r\n\r\n", "GET / FTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n",
    "GET / HTTP/1.1\r\nx\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n",
    "GET / HTTP/1.1\r\nA: b\r\n c: folded\r\n\r\n",
  ])
  func whatIsNoHeadIsRefused(text: String) {
    #expect(throws: HTTPHeadError.self) { try HTTPHead.parse(Array(text.utf8)) }
  }

  @Test func aHeadWithoutEndIsRefused() throws {
    #expect(throws: HTTPHeadError.self) { try HTTPHead.parse([UInt8](repeating: 0x61, count: HTTPHead.limit + 1)) }
    let text = "GET / HTTP/1.1\r\nA: \(String(repeating: "b", count: 100))"
    #expect(try HTTPHead.parse(text.utf8, limit: 200) == nil)
    let error = #expect(throws: HTTPHeadError.self) { _ = try HTTPHead.parse(text.utf8, limit: 50) }
    #expect(error?.isTooLong == true)
  }
}
