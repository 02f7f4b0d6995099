internal import ControlPlane
internal import Streaming

/// The change from HTTP to a protocol of streams: which one, and the head that says so.
struct StreamUpgrade: Equatable {
  /// What carries the streams.
  enum Carrier: Equatable {
    case spdy
    case webSocket
  }

  let carrier: Carrier
  /// `v5.channel.k8s.io`, `portforward.k8s.io` …
  let streamProtocol: String
  /// The answer.
  let head: [UInt8]

  /// What is spoken, the best first.
  struct Protocols {
    let spdy: [String]
    let webSocket: [String]
  }

  static let commands = Protocols(spdy: ["v4.channel.k8s.io"], webSocket: ["v5.channel.k8s.io", "v4.channel.k8s.io"])
  static let ports = Protocols(spdy: ["portforward.k8s.io"], webSocket: ["SPDY/3.1+portforward.k8s.io"])

  init(_ request: HTTPHead, _ known: Protocols) throws(StatusError) {
    func choose(_ field: String, _ known: [String]) throws(StatusError) -> String {
      let offered = request.list(field)
      guard let chosen = known.first(where: offered.contains) else {
        throw StatusError(
          403, "Forbidden",
          "unable to upgrade: unable to negotiate protocol: client supports [\(offered.joined(separator: " "))], server "
            + "accepts [\(known.joined(separator: " "))]")
      }
      return chosen
    }
    switch request["upgrade"]?.lowercased() {
    case "websocket":
      guard request["sec-websocket-version"] == "13", request.method == "GET",
        let accept = request["sec-websocket-key"].flatMap(WebSocketHandshake.accept)
      else { throw .badRequest("the request is no opening of a WebSocket (RFC 6455 section 4.2.1)") }
      carrier = .webSocket
      streamProtocol = try choose("sec-websocket-protocol", known.webSocket)
      head = HTTPHead.bytes(
        "HTTP/1.1 101 Switching Protocols",
        [
          ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept),
          ("Sec-WebSocket-Protocol", streamProtocol),
        ])
    case "spdy/3.1":
      carrier = .spdy
      streamProtocol = try choose("x-stream-protocol-version", known.spdy)
      head = HTTPHead.bytes(
        "HTTP/1.1 101 Switching Protocols",
        [("Upgrade", "SPDY/3.1"), ("Connection", "Upgrade"), ("X-Stream-Protocol-Version", streamProtocol)])
    default:
      throw .badRequest(
        "unable to upgrade: found \"\(request["upgrade"] ?? "")\" in Upgrade, expected SPDY/3.1 or websocket")
    }
  }
}
