/// `portforward.k8s.io`: for each connection to a port the client opens an error stream and a data stream in SPDY/3.1, with
/// the headers `port` and `requestid`. Pure: bytes in, events and bytes out.
package struct PortForwardProtocol {
  package enum Event: Hashable, Sendable {
    /// A connection to a port of the pod; its number is that of its data stream.
    case open(UInt32, port: UInt16)
    case data(UInt32, [UInt8])
    /// The client sends no more.
    case ended(UInt32)
    /// The client has given the connection up.
    case reset(UInt32)
    /// The client wants nothing more at all.
    case left
  }

  private struct Pair {
    var port: UInt16
    var error: UInt32?
    var data: UInt32?
  }

  /// Connections at a time; streams beyond are refused.
  package static let mostConnections = 256

  private var carrier: SPDYCarrier
  private var parser = SPDYParser()
  private let writer = SPDYWriter()
  private var output: [UInt8] = []
  private var pairs: [String: Pair] = [:]
  private var requests: [UInt32: String] = [:]
  private var lastStream: UInt32 = 0

  /// - Parameter inWebSocket: the bytes are the messages of a WebSocket (`SPDY/3.1+portforward.k8s.io`).
  package init(inWebSocket: Bool) { carrier = SPDYCarrier(inWebSocket: inWebSocket) }

  package mutating func receive(_ bytes: [UInt8]) throws -> [Event] {
    let (payload, hasLeft) = try carrier.receive(bytes)
    var events: [Event] = []
    for event in try parser.receive(payload) {
      switch event {
      case .stream(let id, let headers, let ends):
        if let opened = open(id, headers) { events.append(opened) }
        if ends, isData(id) { events.append(.ended(id)) }
      case .data(let id, let bytes, let ends):
        guard isData(id) else { break }
        if !bytes.isEmpty { events.append(.data(id, bytes)) }
        if ends { events.append(.ended(id)) }
      case .reset(let id, _):
        guard let request = requests[id], let pair = pairs[request] else { break }
        forget(request)
        if let data = pair.data { events.append(.reset(data)) }
      case .ping(let id): if id & 1 == 1 { output += writer.ping(id) }
      case .goAway: events.append(.left)
      case .headers: break
      }
    }
    if hasLeft { events.append(.left) }
    return events
  }

  private func isData(_ id: UInt32) -> Bool {
    requests[id].flatMap { pairs[$0] }.map { $0.data == id && $0.error != nil } ?? false
  }

  private mutating func open(_ id: UInt32, _ headers: [SPDYHeader]) -> Event? {
    func value(_ name: String) -> String { headers.first { $0.name == name }?.value ?? "" }
    let request = value("requestid")
    guard id & 1 == 1, id > lastStream, !request.isEmpty, let port = UInt16(value("port")), port > 0,
      pairs.count < Self.mostConnections || pairs[request] != nil
    else {
      output += writer.reset(id, 3)
      return nil
    }
    var pair = pairs[request] ?? Pair(port: port)
    switch value("streamtype") {
    case "error" where pair.error == nil && pair.port == port: pair.error = id
    // After its error stream, as clients open them: nothing sent on it can be lost.
    case "data" where pair.data == nil && pair.error != nil && pair.port == port: pair.data = id
    default:
      output += writer.reset(id, 3)
      return nil
    }
    lastStream = id
    pairs[request] = pair
    requests[id] = request
    output += writer.reply(id)
    guard pair.error != nil, let data = pair.data else { return nil }
    return .open(data, port: port)
  }

  private mutating func forget(_ request: String) {
    guard let pair = pairs.removeValue(forKey: request) else { return }
    for id in [pair.error, pair.data] { if let id { requests[id] = nil } }
  }

  /// What the pod has sent.
  package mutating func write(_ id: UInt32, _ bytes: [UInt8]) {
    if isData(id) { output += writer.data(id, bytes) }
  }

  /// The pod's connection is over in both directions; with a message that the client shows, if it is one to be shown.
  package mutating func close(_ id: UInt32, error: String? = nil) {
    guard let request = requests[id], let pair = pairs[request], let stream = pair.error else { return }
    output += writer.data(stream, Array((error ?? "").utf8), ends: true)
    output += writer.data(id, [], ends: true)
    forget(request)
  }

  /// The pod sends no more; the client may.
  package mutating func end(_ id: UInt32) { if isData(id) { output += writer.data(id, [], ends: true) } }

  /// Ends the whole connection.
  package mutating func finish() {
    output += writer.goAway(lastStream: lastStream)
    output = carrier.wrap(output) + carrier.close()
    isFinished = true
  }

  private var isFinished = false

  /// What is to be sent now.
  package mutating func takeOutput() -> [UInt8] {
    defer { output = [] }
    let replies = carrier.takeReplies()
    return replies + (isFinished ? output : carrier.wrap(output))
  }
}
