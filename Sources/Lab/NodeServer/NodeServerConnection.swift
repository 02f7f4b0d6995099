internal import ControlPlane
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Streaming

/// One connection of the API server to a node, after the head of its request.
struct NodeServerConnection {
  /// Seconds that a refusal, or the last bytes of a stream, may take.
  static let lastWords = 30.0

  let connection: TLSConnection
  /// Readable when the runtime ends.
  let stopped: CInt
  /// Seconds.
  let idleLimit: Double
  /// What came with the head.
  let early: [UInt8]

  func send(_ bytes: [UInt8]) throws(TLSError) {
    try connection.writeAll(bytes, until: Time.monotonicSeconds + Self.lastWords)
  }

  /// Answers with a Status.
  func refuse(_ error: StatusError) {
    let response = APIResponse.status(error)
    let head = HTTPHead.bytes(
      "HTTP/1.1 \(error.code) \(error.reason)",
      [("Content-Type", "application/json"), ("Content-Length", "\(response.body.count)"), ("Connection", "close")])
    try? send(head + response.body)
    end()
  }

  /// Says that nothing more comes, and waits until the other side has heard it: closing with bytes unread would reset the
  /// connection, and take the last words with it.
  func end() {
    connection.closeWrite()
    let deadline = Time.monotonicSeconds + 5
    while Time.monotonicSeconds < deadline, let input = try? connection.read(until: deadline), input != .end {}
  }
}
