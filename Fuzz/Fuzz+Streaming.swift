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
