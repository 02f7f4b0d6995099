internal import ControlPlane
internal import Glibc
internal import Kubernetes
internal import Linux
internal import Streaming

/// One connection of the API server to a node, after the head of its request.
struct NodeServerConnection {
  /// Seconds that the head of an answer, or a refusal, may take.
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
    end(within: Self.lastWords)
  }

  /// Sends what is left of a stream and ends it. A client may read as slowly as it may while the stream goes on.
  func finish(_ bytes: ArraySlice<UInt8>) throws(TLSError) {
    if try send(bytes, within: idleLimit) { end(within: idleLimit) }
  }

  /// Sends all, unless the runtime ends before; false then.
  func send(_ bytes: ArraySlice<UInt8>, within seconds: Double) throws(TLSError) -> Bool {
    let deadline = Time.monotonicSeconds + seconds
    var rest = bytes
    while !rest.isEmpty {
      let count = try connection.write(rest)
      rest = rest.dropFirst(count)
      if count == 0, !wait(POLLOUT, deadline) { return false }
    }
    return true
  }

  /// Says that nothing more comes, and waits until the other side has heard it: closing with bytes unread would reset the
  /// connection, and take with it what the other side has not read yet. It closes when its client has all.
  private func end(within seconds: Double) {
    connection.closeWrite()
    let deadline = Time.monotonicSeconds + seconds
    while let input = try? connection.read(), input != .end {
      if input == .nothing, !wait(POLLIN, deadline) { return }
    }
  }

  /// False when the runtime ends, or the time is over.
  private func wait(_ events: CInt, _ deadline: Double) -> Bool {
    while true {
      let left = deadline - Time.monotonicSeconds
      guard left > 0 else { return false }
      var entries = [
        pollfd(fd: connection.descriptor, events: Int16(events), revents: 0),
        pollfd(fd: stopped, events: Int16(POLLIN), revents: 0),
      ]
      let count = poll(&entries, 2, CInt(min(left * 1000 + 1, 1e9)))
      if count < 0, errno == EINTR { continue }
      return count > 0 && entries[1].revents == 0
    }
  }
}
