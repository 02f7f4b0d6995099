import ControlPlane
import Glibc
import JSON
import Linux
import Testing

/// Clients that are slow, silent, too many, or send what is no request: a clear answer or a closed connection, and
/// everybody else is served meanwhile. The clients are plain sockets of a program that shares no code with ours.
@Suite("Hostile clients", .serialized)
struct HostileClientTests {
  let server: ServingFixture

  init() throws {
    server = try ServingFixture { configuration in
      configuration.http.connections = 200
      configuration.http.headerSeconds = 2
      configuration.http.bodySeconds = 2
      configuration.http.idleSeconds = 3
      configuration.http.writeSeconds = 3
    }
  }

  /// Functions of the client programs. Every one ends by itself: nothing is waited for longer than 60 s.
  private static let prelude = """
    import json, os, socket, ssl, sys, threading, time
    PORT, TOKEN = int(sys.argv[1]), sys.argv[2]
    CONTEXT = ssl.create_default_context(); CONTEXT.check_hostname = False; CONTEXT.verify_mode = ssl.CERT_NONE
    PATH = '/api/v1/namespaces/default/configmaps'
    def plain():
        s = socket.create_connection(('127.0.0.1', PORT), timeout=60); return s
    def connect():
        return CONTEXT.wrap_socket(plain())
    def head(method, path, *more):
        lines = [f'{method} {path} HTTP/1.1', 'Host: x', f'Authorization: Bearer {TOKEN}', 'Content-Type: application/json']
        return '\\r\\n'.join(lines + list(more)).encode() + b'\\r\\n\\r\\n'
    def answer(s):
        data = b''
        while b'\\r\\n\\r\\n' not in data:
            piece = s.recv(65536)
            if not piece: return 0, b''
            data += piece
        top, body = data.split(b'\\r\\n\\r\\n', 1)
        length = next((int(l.split(b':')[1]) for l in top.split(b'\\r\\n') if l.lower().startswith(b'content-length:')), 0)
        while len(body) < length:
            piece = s.recv(65536)
            if not piece: break
            body += piece
        return int(top.split()[1]), body
    def post(body, path=PATH):
        with connect() as s:
            s.sendall(head('POST', path, f'Content-Length: {len(body)}') + body)
            return answer(s)
    def served():
        with connect() as s:
            s.sendall(head('GET', '/api/v1/namespaces')); assert answer(s)[0] == 200, 'others are not served'
    def closed(s):
        try:
            while s.recv(65536): pass
        except (ConnectionError, ssl.SSLError): pass
        except TimeoutError: return False
        return True

    """

  /// Runs a client program; it fails by an assertion.
  private func client(_ program: String) throws {
    let token = try #require(server.api.server.pki).tokens.adminToken
    let result = try ChildProcess.run(
      ["python3", "-c", Self.prelude + program, "\(server.port)", token], timeout: 120)
    #expect(result.status.isSuccess, "\(String(decoding: result.standardError, as: UTF8.self))")
  }

  @Test func bodiesThatAreTooLargeOrNoJSONGetAnAnswerThatSaysSo() throws {
    try client(
      """
      def refused(code, body, *words):
          status, text = post(body)
          assert status == code and all(w in text for w in words), (status, text[:300])
      refused(413, b'x' * (4 << 20), b'RequestEntityTooLarge')
      with connect() as s:  # the same in chunks, whose length nobody has announced
          s.sendall(head('POST', PATH, 'Transfer-Encoding: chunked'))
          for _ in range(64): s.sendall(b'10000\\r\\n' + b'x' * 65536 + b'\\r\\n')
          s.sendall(b'0\\r\\n\\r\\n'); assert answer(s)[0] == 413
      refused(400, b'[' * 100000, b'nested deeper than 512')
      refused(400, b'{"metadata":{"name":"d"},"data":' + b'{"x":' * 600 + b'1' + b'}' * 600 + b'}', b'nested deeper')
      refused(400, b'{"metadata":{"name":"u"},"data":{"a":"\\xc3\\x28"}}', b'UTF-8')
      refused(400, b'{"metadata":{"name":"n"},"data":{"a":1e999}}', b'range')
      refused(400, b'{"metadata":{"name":"h"}', b'end of the text')
      refused(400, b'k8s\\0' + b'\\xff' * 100, b'JSON')
      # Of two equal keys the last counts, unless the client asks to be told.
      twice = b'{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
      status, text = post(twice, PATH + '?fieldValidation=Strict'); assert status == 400 and b'duplicate' in text, text
      status, text = post(twice); assert status == 201 and json.loads(text)['data'] == {'a': '2'}, text
      served()
      """)
  }

  @Test func whatIsNoRequestIsAnsweredOrHungUpOn() throws {
    try client(
      """
      def refused(data, *codes):
          with connect() as s:
              try: s.sendall(data)
              except (ConnectionError, ssl.SSLError): pass
              try: status = answer(s)[0]
              except (ConnectionError, ssl.SSLError): status = 0
              assert status in codes, (status, data[:80])
      refused(b'\\x00\\x01\\x02\\xff' * 200 + b'\\r\\n\\r\\n', 0, 400, 404)
      refused(b'GET\\r\\n\\r\\n', 0, 400, 505)
      refused(b'GET / HTTP/9.9\\r\\n\\r\\n', 0, 400, 505)
      refused(head('GET', '/' + 'a' * 200000), 0, 400, 413, 414, 431)
      refused(head('GET', '/api', *[f'X-{i}: ' + 'a' * 1000 for i in range(300)]), 0, 400, 413, 431)
      refused(head('GET', '/api/v1/%zz'), 400)
      refused(head('GET', '/api/v1/pods?labelSelector=%ff'), 400)
      refused(head('POST', PATH, 'Content-Length: -5'), 0, 400, 413)
      refused(head('POST', PATH, 'Content-Length: 99999999999999999999999'), 0, 400, 413)
      refused(head('POST', PATH, 'Transfer-Encoding: chunked') + b'zz\\r\\n', 0, 400)
      with plain() as s:  # no TLS at all
          s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); assert closed(s)
      served()
      """)
  }

  @Test func slowClientsAreHungUpOn() throws {
    try client(
      """
      def drip(s, data, pause=0.2):  # byte by byte, so that the connection is never silent
          try:
              for _ in range(int(40 / pause)):
                  s.sendall(data); time.sleep(pause)
          except (ConnectionError, ssl.SSLError): return
          raise AssertionError('a client may be slow for ever')
      def shake():
          s = plain(); assert closed(s), 'a handshake may wait for ever'
      def header():
          with connect() as s: s.sendall(b'GET / HTTP/1.1\\r\\n'); drip(s, b'X: y\\r\\n')
      def later():  # after a request that was answered
          with connect() as s:
              s.sendall(head('GET', '/version')); assert answer(s)[0] == 200
              s.sendall(b'GET / HTTP/1.1\\r\\n'); drip(s, b'X: y\\r\\n')
      def body():
          with connect() as s: s.sendall(head('POST', PATH, 'Content-Length: 100000')); drip(s, b' ')
      def endless():
          with connect() as s:
              s.sendall(head('POST', PATH, 'Transfer-Encoding: chunked')); drip(s, b'1000\\r\\n' + b' ' * 4096 + b'\\r\\n', 0.01)
      def idle():
          with connect() as s:
              s.sendall(head('GET', '/version')); assert answer(s)[0] == 200; assert closed(s)
      failures = []
      def guard(work):
          try: work()
          except BaseException as error: failures.append((work.__name__, error))
      threads = [threading.Thread(target=guard, args=(w,)) for w in (shake, header, later, body, endless, idle)]
      for t in threads: t.start()
      for _ in range(10): served(); time.sleep(0.1)
      for t in threads: t.join()
      assert not failures, failures
      """)
  }

  @Test func idleConnectionsByTheThousandKeepNobodyOut() throws {
    try client(
      """
      import resource
      most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
      resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
      idle = []
      for number in range(3000):  # fifteen times as many as the server holds
          s = plain(); idle.append(s)
          if number % 250 == 0: served()
      served()
      with connect() as s:  # a request under way is nobody's to close
          s.sendall(head('GET', PATH + '?watch=1'))
          assert s.recv(65536).startswith(b'HTTP/1.1 200')
          more = [plain() for _ in range(300)]
          served()
          post(b'{"metadata":{"name":"seen"}}')
          data = b''
          while b'"seen"' not in data:
              piece = s.recv(65536); assert piece, 'the watch was closed'; data += piece
      """)
  }

  /// A client that reads no more, and one that vanishes, are noticed, and their watches end.
  @Test func halfOpenWatchesEnd() throws {
    let process = try ChildProcess(
      [
        "python3", "-c",
        Self.prelude + """
          watches = []
          for number in range(10):
              s = plain(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096); s = CONTEXT.wrap_socket(s)
              s.sendall(head('GET', PATH + '?watch=1')); watches.append(s)
          time.sleep(100)
          """, "\(server.port)", try #require(server.api.server.pki).tokens.adminToken,
      ])
    defer {
      process.signal(SIGKILL)
      process.wait()
    }
    let store = server.api.server.store
    for _ in 0..<600 where store.followers("configmaps") < 10 { usleep(50_000) }
    try #require(store.followers("configmaps") == 10)
    // More than the sockets' buffers hold, so that the server's writes block.
    let data: JSON = ["a": .string(String(repeating: "x", count: 500_000))]
    for number in 0..<20 {
      try server.api.create(APIFixture.configMaps, ["metadata": ["name": .string("c\(number)")], "data": data])
    }
    for _ in 0..<1200 where store.followers("configmaps") > 0 { usleep(50_000) }
    #expect(store.followers("configmaps") == 0)
  }
}
