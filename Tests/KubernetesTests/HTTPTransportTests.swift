import Glibc
import JSON
import Kubernetes
import Linux
import Synchronization
import Testing

@Suite struct HTTPTransportTests {
  static func answer(_ status: String, _ body: String) -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  static func transport(_ server: TinyServer, token: String? = nil) -> HTTPTransport {
    var config = KubeConfig(server: "http://127.0.0.1:\(server.port)/")
    config.token = token
    return HTTPTransport(config)
  }

  @Test func requestsCarryTheirPartsAndShareAConnection() throws {
    let server = try TinyServer { request, connection in
      let echo: JSON = [
        "line": .string(request.line), "body": .string(request.body),
        "headers": .array(request.headers.map { .string($0) }),
      ]
      TinyServer.write(connection, Self.answer("200 OK", echo.description))
      return true
    }
    defer { server.stop() }
    let transport = Self.transport(server, token: "t0k")
    defer { transport.close() }
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
      let body = method == "GET" ? "" : #"{"a":"\#(String(repeating: "x", count: 100_000))"}"#
      let response = try transport.send(
        APIRequest(method, "/api/v1/x?y=z", headers: ["content-type": "application/json"], body: Array(body.utf8)))
      let echo = try JSON(parsing: response.body)
      #expect(response.status == 200)
      #expect(response.headers["content-type"] == "application/json")
      #expect(echo["line"] == .string("\(method) /api/v1/x?y=z HTTP/1.1"))
      #expect(echo["body"] == .string(body))
      #expect(echo["headers"].elements.contains("Authorization: Bearer t0k"))
      #expect(echo["headers"].elements.contains("content-type: application/json"))
    }
    #expect(server.connections == 1)
  }

  @Test func manyThreadsAtOnce() throws {
    let server = try TinyServer { request, connection in
      TinyServer.write(connection, Self.answer("200 OK", request.line))
      return true
    }
    defer { server.stop() }
    let transport = Self.transport(server)
    defer { transport.close() }
    let wrong = Mutex(0)
    let threads = (0..<8).map { number in
      Thread("send") {
        for round in 0..<25 {
          let response = try? transport.send(APIRequest("GET", "/\(number)/\(round)"))
          if response?.body != Array("GET /\(number)/\(round) HTTP/1.1".utf8) { wrong.withLock { $0 += 1 } }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(wrong.withLock { $0 } == 0)
  }

  @Test func refusalsAreStatuses() throws {
    let server = try TinyServer { request, connection in
      let body =
        request.line.contains("missing")
        ? #"{"kind":"Status","code":404,"reason":"NotFound","message":"pods \"missing\" not found"}"# : "no JSON"
      TinyServer.write(
        connection, Self.answer(request.line.contains("missing") ? "404 Not Found" : "403 Forbidden", body))
      return true
    }
    defer { server.stop() }
    let transport = Self.transport(server)
    defer { transport.close() }
    let client = APIClient(transport)
    #expect(try client.find(.pods, namespace: "a", name: "missing") == nil)
    do {
      _ = try client.get(.pods, namespace: "a", name: "other")
      Issue.record("no error")
    } catch let status as APIStatus {
      #expect(status.code == 403)
      #expect(status.message == "no JSON")
    }
  }

  @Test func nobodyThereIsATypedError() throws {
    let server = try TinyServer { _, _ in false }
    let transport = Self.transport(server)
    defer { transport.close() }
    do {
      _ = try transport.send(APIRequest("GET", "/"))
      Issue.record("no error")
    } catch let error as TransportError {
      #expect(error.reason == .interrupted, "\(error)")
    }
    server.stop()
    let gone = HTTPTransport(KubeConfig(server: "http://127.0.0.1:1"))
    defer { gone.close() }
    do {
      _ = try gone.send(APIRequest("GET", "/"))
      Issue.record("no error")
    } catch let error as TransportError {
      #expect(error.reason == .unreachable, "\(error)")
      #expect(error.message.contains("127.0.0.1:1"))
    }
  }

  @Test func streamsDeliverAndCancel() throws {
    let server = try TinyServer { _, connection in
      TinyServer.write(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      TinyServer.write(connection, "5\r\nhello\r\n")
      TinyServer.write(connection, "6\r\n world\r\n")
      return true  // and nothing more comes: the client must cancel
    }
    defer { server.stop() }
    let transport = Self.transport(server)
    defer { transport.close() }
    let received = Mutex<[UInt8]>([])
    let complete = Gate()
    let ended = Gate()
    let error = Mutex<(any Error)?>(nil)
    let stream = transport.stream(
      APIRequest("GET", "/watch"),
      onData: { bytes in
        let all = received.withLock { received in
          received += bytes
          return received
        }
        if all == Array("hello world".utf8) { complete.open() }
      },
      onEnd: { result in
        if case .failure(let failure) = result { error.withLock { $0 = failure } }
        ended.open()
      })
    #expect(complete.wait(timeout: 20))
    #expect(!ended.isOpen)
    stream.cancel()
    #expect(ended.wait(timeout: 20))
    #expect((error.withLock { $0 } as? TransportError)?.reason == .cancelled)
  }

  @Test func closingEndsWhatRuns() throws {
    let server = try TinyServer { _, connection in
      var byte: UInt8 = 0
      _ = recv(connection, &byte, 1, 0)  // never answers
      return false
    }
    defer { server.stop() }
    let transport = Self.transport(server)
    let ended = Gate()
    _ = transport.stream(APIRequest("GET", "/"), onData: { _ in }, onEnd: { _ in ended.open() })
    let sender = Thread("send") { _ = try? transport.send(APIRequest("GET", "/")) }
    transport.close()
    #expect(ended.wait(timeout: 20))
    sender.join()
    #expect(throws: TransportError.self) { try transport.send(APIRequest("GET", "/")) }
  }
}
