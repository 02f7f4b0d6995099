import HTTP2Frames
import Testing

@testable import Streaming

@Suite struct HTTP2SessionTests {
  /// A session with a client that writes its frames by hand.
  final class Pair {
    let session: HTTP2Session
    private var output: [UInt8] = []

    init(_ change: (inout HTTP2Session.Limits) -> Void = { _ in }) {
      var limits = HTTP2Session.Limits()
      change(&limits)
      session = HTTP2Session(limits)
      #expect(send(HTTP2Frame.hello).isEmpty)
      // Ours, and the acknowledgement of theirs.
      #expect(frames().map(\.type) == [4, 4])
      _ = send(HTTP2Frame(.settings, flags: HTTP2Frame.acknowledgement).bytes)
    }

    func send(_ bytes: [UInt8]) -> [HTTP2Session.Request] { bytes.withUnsafeBytes { session.receive($0) } }
    func send(_ frames: HTTP2Frame...) -> [HTTP2Session.Request] { send(frames.flatMap(\.bytes)) }

    func frames() -> [HTTP2Frame] {
      session.takeOutput(&output, room: .max)
      return HTTP2Frame.take(&output)
    }
  }

  @Test func requestsAndAnswers() throws {
    let pair = Pair()
    let requests = pair.send(
      .request(1, "GET", "/dns-query?dns=AA", [("accept", "a/b")]),
      .request(3, "POST", "/dns-query", [("content-type", "application/dns-message")], isWhole: false),
      .request(5, "GET", "/"), HTTP2Frame(.data, flags: HTTP2Frame.endOfStream, stream: 3, [1, 2, 3]))
    #expect(requests.map(\.stream) == [1, 5, 3])
    #expect(requests[0].method == "GET" && requests[0].target == "/dns-query?dns=AA")
    #expect(requests[0].fields["accept"] == "a/b")
    #expect(requests[2].body == [1, 2, 3] && requests[2].fields["content-type"] == "application/dns-message")
    #expect(pair.session.held == 0)
    // The last one is answered first.
    pair.session.respond(3, status: 200, fields: [("content-type", "x/y")], body: [9, 8])
    pair.session.respond(5, status: 404)
    pair.session.respond(1, status: 200, body: [7])
    pair.session.respond(1, status: 200, body: [6])
    let frames = pair.frames()
    #expect(frames.filter { $0.kind == .headers }.map(\.stream) == [3, 5, 1])
    #expect(frames.filter { $0.kind == .headers }.map(\.status) == [200, 404, 200])
    #expect(frames.filter { $0.kind == .data }.map(\.payload).sorted { $0[0] < $1[0] } == [[7], [9, 8]])
    #expect(!pair.session.isAnswering && !pair.session.isDone && pair.session.streams.isEmpty)
  }

  /// Fields and bodies that are too long, and what the others of the connection notice of it.
  @Test func requestsThatAreTooLarge() {
    let pair = Pair {
      $0.head = 600
      $0.body = 10
    }
    let long = String(repeating: "a", count: 500)
    #expect(pair.send(.request(1, "GET", "/", [("x", long)])).isEmpty)
    #expect(pair.send(.request(3, "POST", "/", isWhole: false)).isEmpty)
    #expect(pair.send(HTTP2Frame(.data, stream: 3, [UInt8](repeating: 1, count: 11))).isEmpty)
    #expect(pair.send(.request(5, "GET", "/")).map(\.stream) == [5])
    pair.session.respond(5, status: 200)
    let frames = pair.frames()
    #expect(frames.filter { $0.kind == .headers }.map { [$0.stream: $0.status] } == [[1: 431], [3: 413], [5: 200]])
    // Nobody waits for the rest of the body.
    #expect(frames.filter { $0.kind == .reset }.map { [$0.stream: $0.error] } == [[3: 0]])
    #expect(pair.session.streams.isEmpty && pair.session.held == 0)
  }

  /// Requests that are never whole hold only so much together.
  @Test func halvesAreBounded() {
    let pair = Pair { $0.held = 10_000 }
    for stream in 0..<50 as Range<UInt32> {
      _ = pair.send(
        .request(stream * 2 + 1, "POST", "/", isWhole: false),
        HTTP2Frame(.data, stream: stream * 2 + 1, [UInt8](repeating: 1, count: 1000)))
      #expect(pair.session.held <= 10_000)
    }
    let resets = pair.frames().filter { $0.kind == .reset }
    #expect(resets.count > 40 && pair.session.streams.count < 10)
    // Whoever gives up makes room.
    for stream in pair.session.streams.keys {
      _ = pair.send(HTTP2Frame(.reset, stream: UInt32(stream), HTTP2Frame.integer(8)))
    }
    #expect(pair.session.held == 0 && pair.send(.request(201, "GET", "/")).count == 1)
  }

  /// A client that takes nothing makes us keep only so much.
  @Test func answersThatAreNotTakenAreBounded() {
    let pair = Pair { $0.pending = 100_000 }
    for stream in 0..<20 as Range<UInt32> {
      for request in pair.send(.request(stream * 2 + 1, "GET", "/")) {
        pair.session.respond(request.stream, status: 200, body: [UInt8](repeating: 2, count: 30_000))
      }
      #expect(pair.session.pending <= 100_000)
    }
    let frames = pair.frames()
    // The window of the connection: 65,535 bytes.
    #expect(frames.filter { $0.kind == .data }.reduce(0) { $0 + $1.payload.count } == 65_535)
    #expect(frames.contains { $0.kind == .reset && $0.error == 7 } && pair.session.isAnswering)
    _ = pair.send(HTTP2Frame(.windowUpdate, HTTP2Frame.integer(1 << 20)))
    #expect(pair.frames().contains { $0.kind == .data })
    #expect(!pair.session.isAnswering && pair.session.pending == 0)
  }

  @Test func moreStreamsThanAreAllowedEndTheConnection() {
    let pair = Pair { $0.streams = 3 }
    let frames = (0..<4 as Range<UInt32>).map { HTTP2Frame.request($0 * 2 + 1, "GET", "/", isWhole: false) }
    _ = pair.send(frames.flatMap(\.bytes))
    // PROTOCOL_ERROR.
    #expect(pair.frames().last { $0.kind == .goAway }?.error == 1 && pair.session.isDone)
  }

  /// Floods: each ends with GOAWAY and ENHANCE_YOUR_CALM (11) at a bounded number of frames, or as what it is.
  @Test(
    arguments: [
      ("rapid reset", [HTTP2Frame.request(1, "GET", "/").bytes, HTTP2Frame(.reset, stream: 1, [0, 0, 0, 8]).bytes]),
      ("ping", [HTTP2Frame(.ping, [UInt8](repeating: 7, count: 8)).bytes]),
      ("settings", [HTTP2Frame(.settings, [0, 4, 0, 1, 0, 0]).bytes]),
      ("window", [HTTP2Frame(.windowUpdate, HTTP2Frame.integer(1)).bytes]),
      ("priority", [HTTP2Frame(.priority, stream: 1, [0, 0, 0, 0, 1]).bytes]),
    ] as [(String, [[UInt8]])])
  func floodsEnd(_ name: String, _ frames: [[UInt8]]) {
    let pair = Pair()
    var count = 0
    var answers: [HTTP2Frame] = []
    while !pair.session.isDone, count < 5000 {
      for frame in frames {
        var frame = frame
        // Streams are used once.
        if name == "rapid reset" || name == "priority" {
          frame.replaceSubrange(5..<9, with: HTTP2Frame.integer(UInt32(count * 2 + 1)))
        }
        #expect(pair.send(frame).count <= 1)
      }
      answers = pair.frames()
      count += 1
    }
    #expect(answers.last { $0.kind == .goAway }?.error == 11, "\(name): \(answers)")
    #expect(count <= 1001, "\(name): \(count) frames")
  }

  @Test func emptyBodiesAreNoActivity() {
    let pair = Pair()
    _ = pair.send(.request(1, "POST", "/", isWhole: false))
    for _ in 0..<1001 { _ = pair.send(HTTP2Frame(.data, stream: 1)) }
    #expect(pair.frames().last { $0.kind == .goAway }?.error == 11 && pair.session.isDone)
  }

  /// A client that asks and is answered may do so for ever, with the frames that belong to it.
  @Test func ordinaryUseCostsNoCredit() {
    let pair = Pair()
    for number in 0..<3000 as Range<UInt32> {
      let stream = number * 2 + 1
      let requests = pair.send(
        .request(stream, "GET", "/"), HTTP2Frame(.windowUpdate, HTTP2Frame.integer(100)),
        HTTP2Frame(.ping, [UInt8](repeating: 7, count: 8)))
      #expect(requests.count == 1)
      pair.session.respond(Int32(stream), status: 200, body: [1])
      #expect(pair.frames().contains { $0.kind == .data && $0.stream == stream })
    }
    #expect(!pair.session.isDone)
  }

  /// Fields over many CONTINUATION frames that never end are nobody's memory.
  @Test func fieldsWithoutEnd() {
    let pair = Pair()
    var first = HTTP2Frame.request(1, "GET", "/", isWhole: false)
    first.flags = 0
    _ = pair.send(first)
    for _ in 0..<100 where !pair.session.isDone {
      _ = pair.send(HTTP2Frame(.continuation, stream: 1, HTTP2Frame.request(1, "x", "y").payload))
      _ = pair.frames()
    }
    #expect(pair.session.isDone)
  }

  @Test func theEndIsAnnounced() {
    let pair = Pair()
    #expect(pair.send(.request(1, "GET", "/")).count == 1)
    pair.session.announceEnd()
    let first = pair.frames()
    #expect(first.count == 1 && first[0].kind == .goAway && first[0].payload == [0x7F, 255, 255, 255, 0, 0, 0, 0])
    // What was on its way is still taken.
    #expect(pair.send(.request(3, "GET", "/")).count == 1)
    pair.session.respond(1, status: 200)
    pair.session.respond(3, status: 200)
    #expect(pair.frames().map(\.stream) == [1, 3])
    pair.session.end()
    let last = pair.frames()
    #expect(last.count == 1 && last[0].payload == [0, 0, 0, 3, 0, 0, 0, 0] && pair.session.isDone)
  }

  @Test(arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nXX", "\0\0\0\0\0\0\0\0\0\0"])
  func otherProtocolsEndAtOnce(_ text: String) {
    let session = HTTP2Session()
    #expect(Array(text.utf8).withUnsafeBytes { session.receive($0) }.isEmpty)
    var output: [UInt8] = []
    session.takeOutput(&output, room: .max)
    #expect(session.isDone || text.hasPrefix("PRI"))
  }

  /// A conversation cut anywhere, and with bytes changed anywhere: requests of right form or none.
  @Test func brokenFrames() {
    var state: UInt64 = 0xD0_8484
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let conversation =
      HTTP2Frame.hello
      + [
        HTTP2Frame.request(1, "GET", "/dns-query?dns=AAAB"),
        .request(3, "POST", "/dns-query", [("content-length", "4")], isWhole: false),
        HTTP2Frame(.data, flags: HTTP2Frame.endOfStream, stream: 3, [1, 2, 3, 4]),
        HTTP2Frame(.ping, [UInt8](repeating: 7, count: 8)), HTTP2Frame(.reset, stream: 3, [0, 0, 0, 8]),
        HTTP2Frame(.goAway, [0, 0, 0, 0, 0, 0, 0, 0]),
      ].flatMap(\.bytes)
    var whole = 0
    for round in 0..<20_000 {
      var bytes = conversation
      if round < conversation.count {
        bytes = Array(bytes[..<round])
      } else {
        for _ in 0...random(3) { bytes[random(bytes.count)] = UInt8(random(256)) }
      }
      let session = HTTP2Session()
      var output: [UInt8] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(1 + random(40)))
        rest = rest.dropFirst(piece.count)
        for request in piece.withUnsafeBytes({ session.receive($0) }) {
          whole += 1
          #expect(request.stream > 0 && !request.method.isEmpty && request.body.count <= 4096)
          session.respond(request.stream, status: 200, body: request.body + [1])
        }
        session.takeOutput(&output, room: 100_000)
      }
      #expect(session.held >= 0 && session.pending >= 0 && session.held <= 65_536)
    }
    #expect(whole > 10_000)
  }
}
