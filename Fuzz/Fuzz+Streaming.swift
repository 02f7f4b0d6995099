import Streaming

/// Bytes as they come in through an upgraded connection. The first byte says how they are cut.
let streamingParsers: [String: Parser] = [
  "websocket": { bytes in
    var parser = WebSocketParser(expectsMask: (bytes.first ?? 0) & 1 == 0)
    pieces(bytes) { _ = try parser.receive($0) }
  },
  "spdy": { bytes in
    var parser = SPDYParser()
    pieces(bytes) { _ = try parser.receive($0) }
  },
  "exec-websocket": { bytes in
    var command = WebSocketCommand(version: 5)
    pieces(bytes) { _ = try command.receive($0) }
    command.write(.stdout, [1])
    command.finish([2])
    bounded(command.takeOutput(), bytes)
  },
  "exec-spdy": { bytes in
    var command = SPDYCommand(CommandStreams(stdin: true, tty: true))
    pieces(bytes) { _ = try command.receive($0) }
    command.write(.stdout, [1])
    command.finish([2])
    bounded(command.takeOutput(), bytes)
  },
  "port-forward": { bytes in forward(bytes, inWebSocket: false) },
  "port-forward-websocket": { bytes in forward(bytes, inWebSocket: true) },
  // A client's bytes in pieces, the first of which says how long they are; what is asked is answered.
  "http2": { bytes in
    let session = HTTP2Session()
    var output: [UInt8] = []
    var rest = bytes.dropFirst()
    while !rest.isEmpty {
      let piece = Array(rest.prefix(1 + Int(bytes[0])))
      rest = rest.dropFirst(piece.count)
      for request in piece.withUnsafeBytes({ session.receive($0) }) {
        precondition(request.stream > 0 && !request.method.isEmpty, "a request of odd form")
        precondition(request.body.count <= 4096, "a body beyond its limit")
        session.respond(request.stream, status: 200, fields: [("a", "b")], body: request.body + [1])
      }
      session.takeOutput(&output, room: 65536)
    }
    session.end()
    session.takeOutput(&output, room: .max)
  },
  "http-head": { bytes in _ = try? HTTPHead.parse(bytes) },
]

/// Until the parser throws, as a connection is then closed.
private func pieces(_ bytes: [UInt8], _ take: ([UInt8]) throws -> Void) {
  let size = max(1, Int(bytes.first ?? 1))
  var rest = bytes.dropFirst()
  while !rest.isEmpty {
    do { try take(Array(rest.prefix(size))) } catch { return }
    rest = rest.dropFirst(size)
  }
}

private func forward(_ bytes: [UInt8], inWebSocket: Bool) {
  var streams = PortForwardProtocol(inWebSocket: inWebSocket)
  var open: [UInt32] = []
  pieces(bytes) {
    for event in try streams.receive($0) {
      if case .open(let id, _) = event { open.append(id) }
    }
  }
  precondition(open.count <= bytes.count, "more connections than bytes")
  for id in open {
    streams.write(id, [1])
    streams.end(id)
    streams.close(id, error: "x")
  }
  streams.finish()
  bounded(streams.takeOutput(), bytes)
}

/// Answers are not much larger than what asked for them.
private func bounded(_ output: [UInt8], _ input: [UInt8]) {
  precondition(output.count <= 64 * (input.count + 16), "\(output.count) bytes of answers to \(input.count)")
}
