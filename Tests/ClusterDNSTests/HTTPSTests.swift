import Addressing
import Glibc
import HTTP2Frames
import Linux
import Streaming
import Testing

@testable import ClusterDNS

/// DNS over HTTPS (RFC 8484): kdig, dig and curl as clients, in both versions of HTTP, and a client that writes its frames
/// by hand for what those do not do.
@Suite struct HTTPSTests {
  static let inside = "web.default.svc.cluster.local"

  /// A server with an upstream that answers some questions late.
  final class Place {
    let certificate: ServerCertificate
    let port: UInt16
    let server: DNSServer
    let upstream: ScriptedUpstream
    var url: String { "https://127.0.0.1:\(port)/dns-query" }

    init(_ change: (inout DNSServer.Configuration) -> Void = { _ in }) throws {
      certificate = try ServerCertificate()
      port = try freePort()
      upstream = try ScriptedUpstream { question, _ in
        if nameAsked(question).hasPrefix("never") { return [] }
        return [ScriptedUpstream.answer(question, ["203.0.113.1"])]
      }
      var configuration = DNSServer.Configuration(listen: [loopback])
      configuration.upstreams = [upstream.address]
      configuration.upstreamTimeout = 300
      configuration.upstreamAttempts = 1
      configuration.workers = 1
      configuration.tls = DNSServer.TLS(
        port: nil, httpsPort: port, certificate: certificate.chain, key: certificate.key)
      change(&configuration)
      server = try DNSServer(configuration)
      server.replaceAll(Samples.services + [ProtocolTests.large])
      try server.start()
    }

    deinit {
      server.stop()
      upstream.stop()
    }

    func client(_ protocols: [String] = ["h2"]) throws -> HTTP2Client { try HTTP2Client(self, protocols) }
  }

  /// A connection on which frames, or anything else, are sent by hand.
  final class HTTP2Client {
    let connection: TLSConnection
    private var input: [UInt8] = []
    private(set) var isEnded = false

    init(_ place: Place, _ protocols: [String]) throws {
      let context = try TLSContext(authorityFile: place.certificate.chain, protocols: protocols)
      let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
      try check("connect") { SocketAddress(AddressAndPort(loopback.address, place.port)).connect(socket.raw) }
      connection = try TLSConnection(context, socket, expectedAddress: "127.0.0.1")
      try connection.handshake(until: Time.monotonicSeconds + 5)
    }

    func send(_ bytes: [UInt8]) { try? connection.writeAll(bytes, until: Time.monotonicSeconds + 5) }
    func send(_ frames: HTTP2Frame...) { send(frames.flatMap(\.bytes)) }

    /// The frames that come until `isLast` says that this one was the last, or the server ends, or five seconds are over.
    func frames(until isLast: (HTTP2Frame) -> Bool) -> [HTTP2Frame] {
      var all: [HTTP2Frame] = []
      let deadline = Time.monotonicSeconds + 5
      while !isEnded {
        for frame in HTTP2Frame.take(&input) {
          all.append(frame)
          if isLast(frame) { return all }
        }
        switch try? connection.read(until: deadline) {
        case .bytes(let bytes): input += bytes
        case .nothing: break
        case .end, nil: isEnded = true
        }
        if Time.monotonicSeconds > deadline { return all }
      }
      return all + HTTP2Frame.take(&input)
    }

    /// Sends questions on streams of their own and gives the streams in the order of their answers.
    func ask(_ names: [String], first: UInt32 = 1) -> [UInt32] {
      for (index, name) in names.enumerated() {
        let stream = first + UInt32(index) * 2
        send(
          .request(
            stream, "POST", "/dns-query", [("content-type", "application/dns-message")], isWhole: false),
          HTTP2Frame(.data, flags: HTTP2Frame.endOfStream, stream: stream, Question(name).bytes))
      }
      var order: [UInt32] = []
      _ = frames { frame in
        if frame.kind == .data, Reply(frame.payload)?.answers.isEmpty == false { order.append(frame.stream) }
        return order.count == names.count
      }
      return order
    }
  }

  /// Every tool that Debian has, by POST and GET, one question and several on a connection.
  @Test(
    arguments: [
      "kdig @127.0.0.1 -p PORT +https +tls-ca=CERT +tls-host=dns.example +keepopen -q NAME -q NAME",
      "kdig @127.0.0.1 -p PORT +https +https-get +tls-ca=CERT +tls-host=dns.example -q NAME",
      "dig @127.0.0.1 -p PORT +https +tls-ca=CERT +tls-hostname=dns.example NAME",
      "dig @127.0.0.1 -p PORT +https-get +tls-ca=CERT +tls-hostname=dns.example NAME",
      "dig @127.0.0.1 -p PORT +https NAME",
    ])
  func tools(_ command: String) throws {
    let place = try Place()
    for (name, count) in [(Self.inside, 1), ("large.shop.svc.cluster.local", 100), ("www.example.com", 1)] {
      let output = run(
        command.replacing("PORT", with: "\(place.port)").replacing("CERT", with: place.certificate.chain)
          .replacing("NAME", with: name))
      let answers = output.split(separator: "\n").filter { $0.hasPrefix("\(name).") && $0.contains("\tA\t") }
      let times = command.split(separator: "NAME", omittingEmptySubsequences: false).count - 1
      #expect(answers.count == count * times, "\(output)")
      // dig warns of every name below local.
      #expect(!output.replacing("WARNING: .local", with: "").contains("WARNING"), "\(output)")
    }
    #expect(place.server.statistics[0].values["queries_udp"] == 0)
  }

  @Test(arguments: ["--http2", "--http1.1"]) func curl(_ version: String) throws {
    let place = try Place()
    let folder = place.certificate.folder
    let curl = "curl -s \(version) --cacert \(place.certificate.chain)"
    for name in ["large.shop.svc.cluster.local", "www.example.com"] {
      try Files.write("\(folder)/question", Question(name).bytes)
      let status = run(
        "\(curl) -H 'Content-Type: application/dns-message' --data-binary @\(folder)/question "
          + "-o \(folder)/answer -w '%{http_version} %{http_code} %{content_type}' \(place.url)")
      #expect(status == "\(version == "--http2" ? "2" : "1.1") 200 application/dns-message")
      let reply = try #require(Reply(try Files.read("\(folder)/answer")))
      #expect(reply.answers.count == (name.hasPrefix("large") ? 100 : 1))
    }
    // RFC 8484 section 4.1.1, and two requests on one connection.
    let get = "\(place.url)?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"
    let two = run("\(curl) -o /dev/null -w '%{http_code} %{num_connects} ' \(get) -o \(folder)/second \(get)")
    #expect(two == "200 1 200 0 ", "\(two)")
    #expect(Reply(try Files.read("\(folder)/second"))?.answers == ["www.example.com A 203.0.113.1"])
    let headers = run("\(curl) -D - -o /dev/null \(get)").lowercased()
    #expect(headers.contains(/cache-control: max-age=([1-5][0-9]|60)\r\n/), "\(headers)")
    for (arguments, code) in [
      ("\(place.url)", "400"), ("'\(place.url)?dns=!'", "400"), ("'\(place.url)?dns=AAAA'", "400"),
      ("-d x=y \(place.url)", "415"), ("-X PUT \(get)", "405"), ("https://127.0.0.1:\(place.port)/", "404"),
      ("-H 'x: \(String(repeating: "a", count: 9000))' \(get)", "431"),
      ("-H 'Content-Type: application/dns-message' -d \(String(repeating: "a", count: 5000)) \(place.url)", "413"),
    ] {
      #expect(run("\(curl) -o /dev/null -w '%{http_code}' \(arguments)") == code, "\(arguments)")
    }
    #expect(run("\(curl) -D - -X PUT \(get)").lowercased().contains("allow: get, post"))
  }

  /// Answers leave as they are ready; one that waits for an upstream holds up none.
  @Test func streamsAtOnce() throws {
    let place = try Place { $0.upstreamTimeout = 500 }
    let client = try place.client()
    client.send(HTTP2Frame.hello)
    #expect(client.connection.applicationProtocol == "h2")
    // The first one is answered with SERVFAIL, and that after half a second.
    client.send(.request(1, "GET", Self.get("never.example")))
    #expect(client.ask((0..<50).map { $0 % 2 == 0 ? Self.inside : "a\($0).example" }, first: 3).count == 50)
    let late = client.frames { $0.kind == .data && $0.stream == 1 }
    #expect(late.last.flatMap { Reply($0.payload) }?.code == 2)
    // Many after one another on the same connection.
    #expect(client.ask((0..<100).map { _ in Self.inside }, first: 201).count == 100)
  }

  static func get(_ name: String) -> String {
    let encoded = run(
      "printf '\(Question(name).bytes.map { "\\" + octal($0) }.joined())' | basenc --base64url -w 0 | tr -d =")
    return "/dns-query?dns=\(encoded)"
  }
  private static func octal(_ byte: UInt8) -> String {
    let text = String(byte, radix: 8)
    return String(repeating: "0", count: 3 - text.count) + text
  }

  /// What the client gives up leaves nothing behind.
  @Test func questionsThatAreGivenUp() throws {
    let place = try Place()
    let client = try place.client()
    client.send(HTTP2Frame.hello)
    for number in 0..<40 as Range<UInt32> {
      client.send(
        .request(number * 2 + 1, "GET", Self.neverURL), HTTP2Frame(.reset, stream: number * 2 + 1, [0, 0, 0, 8]))
    }
    #expect(client.ask([Self.inside], first: 101) == [101])
    usleep(700_000)
    #expect(client.ask([Self.inside], first: 103) == [103])
  }
  static let neverURL = get("never.example")

  /// Other protocols, on the port that is not theirs.
  @Test func otherProtocolsAreRefused() throws {
    let place = try Place()
    #expect(throws: TLSError.self) { try place.client(["dot"]) }
    #expect(throws: TLSError.self) { try place.client(["smtp"]) }
    // Without ALPN it is HTTP/1.1.
    let client = try place.client([])
    client.send(Array("GET \(Self.get(Self.inside)) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    guard case .bytes(let bytes) = try client.connection.read(until: Time.monotonicSeconds + 5) else {
      Issue.record("no answer")
      return
    }
    #expect(String(decoding: bytes.prefix(15), as: UTF8.self) == "HTTP/1.1 200 OK")
  }

  /// Connections on which only PING comes, or half a request, or nothing, are closed; the one that asks stays.
  @Test func idleConnectionsAreClosed() throws {
    let place = try Place { $0.idleTimeout = 1 }
    let pinging = try place.client()
    let halfway = try place.client()
    let silent = try place.client()
    let asking = try place.client()
    for client in [pinging, halfway, asking] { client.send(HTTP2Frame.hello) }
    halfway.send(.request(1, "POST", "/dns-query", isWhole: false))
    for number in 0..<12 as Range<UInt32> {
      pinging.send(HTTP2Frame(.ping, [UInt8](repeating: 1, count: 8)))
      halfway.send(HTTP2Frame(.data, stream: 1, [1]))
      #expect(asking.ask([Self.inside], first: number * 2 + 1).count == 1)
      usleep(250_000)
    }
    for client in [pinging, halfway, silent] {
      _ = client.frames { _ in false }
      #expect(client.isEnded)
    }
    #expect(asking.ask([Self.inside], first: 101).count == 1)
  }

  /// A server that stops says so, answers what it was asked, and says what it answered.
  @Test func theEndIsAnnounced() throws {
    let place = try Place { $0.upstreamTimeout = 800 }
    let client = try place.client()
    client.send(HTTP2Frame.hello)
    client.send(.request(1, "GET", Self.neverURL))
    #expect(client.ask([Self.inside], first: 3) == [3])
    let stopping = Linux.Thread("stop") { [server = place.server] in server.stop() }
    let frames = client.frames { _ in false }
    stopping.join()
    let ends = frames.filter { $0.kind == .goAway }
    #expect(ends.map(\.error) == [0, 0], "\(frames)")
    #expect(ends.last?.payload.prefix(4) == [0, 0, 0, 3])
    #expect(frames.contains { $0.kind == .data && $0.stream == 1 } && client.isEnded)
  }

  /// Random bytes, cut and changed frames and floods, on many connections: the server goes on answering others.
  @Test func whatIsNoHTTPDisturbsNobody() throws {
    let place = try Place()
    let witness = try place.client()
    witness.send(HTTP2Frame.hello)
    var random = Xorshift(state: 0x8484)
    let conversation =
      HTTP2Frame.hello
      + [
        HTTP2Frame.request(1, "GET", Self.neverURL),
        .request(3, "POST", "/dns-query", [("content-type", "application/dns-message")], isWhole: false),
        HTTP2Frame(.data, flags: HTTP2Frame.endOfStream, stream: 3, Question(Self.inside).bytes),
      ].flatMap(\.bytes)
    for round in 0..<150 as Range<UInt32> {
      let client = try place.client(round % 5 == 4 ? ["http/1.1"] : ["h2"])
      switch round % 5 {
      case 0: client.send((0..<400).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      case 1: client.send(HTTP2Frame.preface + (0..<400).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      case 2: client.send(Array(conversation.prefix(Int(random.next() % UInt64(conversation.count)))))
      case 3:
        var bytes = conversation
        bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(truncatingIfNeeded: random.next())
        client.send(bytes)
      default: client.send((0..<3000).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      }
      if round % 10 == 0 { #expect(witness.ask([Self.inside], first: round * 2 + 1).count == 1) }
    }
    let flood = try place.client()
    flood.send(HTTP2Frame.hello)
    for number in 0..<200 as Range<UInt32> {
      flood.send(
        .request(number * 2 + 1, "GET", Self.neverURL), HTTP2Frame(.reset, stream: number * 2 + 1, [0, 0, 0, 8]))
    }
    #expect(flood.frames { $0.kind == .goAway }.last?.error == 11)
    #expect(witness.ask([Self.inside], first: 401).count == 1)
    #expect(run("kdig @127.0.0.1 -p \(place.port) +https \(Self.inside) +short") == "10.96.0.20\n")
  }
}
