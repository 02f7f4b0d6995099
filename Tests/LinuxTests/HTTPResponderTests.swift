import Addressing
import Glibc
import Linux
import Testing

@Suite struct HTTPResponderTests {
  static let requests: [(bytes: String, line: (method: String, path: String)?, isComplete: Bool)] = [
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ("GET", "/"), true),
    ("GET /healthz?x=1 HTTP/1.0\r\n\r\n", ("GET", "/healthz"), true),
    ("HEAD /a HTTP/1.1\n\n", ("HEAD", "/a"), true),
    ("GET / HTTP/1.1\r\nHost: a\r\n", nil, false),
    ("", nil, false),
    ("\r\n\r\n", nil, true),
    ("GET /\r\n\r\n", nil, true),
    ("GET / HTTP/2.0\r\n\r\n", nil, true),
    ("GET http://a/ HTTP/1.1\r\n\r\n", nil, true),
  ]

  @Test(arguments: requests) func requestLines(
    _ test: (bytes: String, line: (method: String, path: String)?, isComplete: Bool)
  ) {
    let found = HTTPRequestLine(header: Array(test.bytes.utf8))
    #expect((found != nil) == test.isComplete)
    #expect(found?.isValid ?? false == (test.line != nil))
    if let line = test.line { #expect(found?.method == line.method && found?.path == line.path) }
  }

  /// Asked over the loopback by a program that is not ours.
  @Test func answersAndStops() throws {
    let responder = try HTTPResponder("test") { question in
      question.path == "/well"
        ? .init(200, "port \(question.port)\n", headers: [("X-Test", "yes")]) : .init(404, "not here\n")
    }
    responder.start()
    defer { responder.stop() }
    let loopback = IPAddress("127.0.0.1")!
    let ports = try (0..<2).map { _ in try Self.freePort() }
    responder.listen(Set(ports.map { AddressAndPort(loopback, $0) }))
    for port in ports {
      let answer = try Self.curl("-i", "http://127.0.0.1:\(port)/well")
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.contains("X-Test: yes\r\n"), "\(answer)")
      #expect(answer.hasSuffix("\r\n\r\nport \(port)\n"), "\(answer)")
      #expect(try Self.curl("-i", "http://127.0.0.1:\(port)/ill").hasPrefix("HTTP/1.1 404 Not Found"))
      #expect(try Self.curl("-i", "-X", "POST", "http://127.0.0.1:\(port)/well").contains(" 405 "))
      #expect(try Self.curl("-I", "http://127.0.0.1:\(port)/well").hasSuffix("X-Test: yes\r\n\r\n"))
    }
    // One fewer: what is left is not disturbed.
    responder.listen([AddressAndPort(loopback, ports[1])])
    #expect(try Self.curl("http://127.0.0.1:\(ports[1])/well") == "port \(ports[1])\n")
    #expect(try Self.curl("-o", "/dev/null", "-w", "%{exitcode}", "http://127.0.0.1:\(ports[0])/well") == "7")
  }

  private static func freePort() throws -> UInt16 {
    let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    _ = SocketAddress(IPAddress("127.0.0.1")!, port: 0).bind(socket.raw)
    return try SocketAddress.bound(socket.raw).port
  }

  /// Tries again while nobody listens: `listen` is carried out by the responder's own thread.
  private static func curl(_ arguments: String...) throws -> String {
    let wanted = arguments.contains("-w")
    for attempt in 0... {
      let done = try ChildProcess.run(["curl", "-sS", "--max-time", "5"] + arguments)
      let text = done.output
      if wanted || done.status == .exited(0) || attempt == 100 { return text }
      usleep(20_000)
    }
    return ""
  }
}
