internal import Addressing
internal import CLinux
internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux
internal import Streaming

/// The way from the API server to the servers of nodes: TLS in which both show certificates of the cluster's authority.
final class NodeConnector: Sendable {
  /// Seconds.
  private static let connectTimeout = 5.0
  private static let answerTimeout = 30.0
  /// Bytes of an error that are passed on.
  private static let longestError = 64 * 1024

  private let context: TLSContext

  init(identity: TLSIdentity, authority: String) throws {
    context = try TLSContext(
      isServer: false, certificate: identity.certificate, key: identity.key, authority: authority)
  }

  /// Sends the request and waits for the head of the answer, which is a success (200, or 101 for an upgrade).
  func open(_ request: NodeRequest) throws(StatusError) -> NodeStream {
    let connection: TLSConnection
    do {
      let deadline = Time.monotonicSeconds + Self.connectTimeout
      connection = try TLSConnection(
        context, try Self.connect(request, until: deadline), expectedAddress: request.address)
      try connection.handshake(until: deadline)
    } catch {
      throw Self.unreachable(request, error)
    }
    do {
      return try ask(request, connection)
    } catch let status as StatusError {
      throw status
    } catch {
      throw Self.unreachable(request, error)
    }
  }

  private static func unreachable(_ request: NodeRequest, _ error: any Error) -> StatusError {
    StatusError(
      503, "ServiceUnavailable",
      "error dialing backend: node \"\(request.node)\" at \(request.address) port \(request.port): \(error)")
  }

  private static func connect(_ request: NodeRequest, until deadline: Double) throws -> Linux.FileDescriptor {
    let address = try IPAddress(parsing: request.address)
    let socket = try Linux.FileDescriptor.socket(
      address.family.socketDomain, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
    if SocketAddress(address, port: request.port).connect(socket.raw) != 0 {
      guard errno == EINPROGRESS else { throw SystemError("connect") }
      var entry = pollfd(fd: socket.raw, events: Int16(POLLOUT), revents: 0)
      var count: CInt = 0
      repeat {
        count = poll(&entry, 1, CInt(max(0, deadline - Time.monotonicSeconds) * 1000))
      } while count < 0 && errno == EINTR
      guard count > 0 else { throw SystemError("connect", code: ETIMEDOUT) }
      var code: CInt = 0
      var size = socklen_t(MemoryLayout<CInt>.size)
      getsockopt(socket.raw, SOL_SOCKET, SO_ERROR, &code, &size)
      guard code == 0 else { throw SystemError("connect", code: code) }
    }
    SocketOptions.keepAlive(socket.raw)
    return socket
  }

  private func ask(_ request: NodeRequest, _ connection: TLSConnection) throws -> NodeStream {
    let deadline = Time.monotonicSeconds + Self.answerTimeout
    // HTTP/1.0 where a body is asked for: it ends with the connection.
    var fields = [(name: "host", value: request.address), (name: "content-length", value: "0")]
    fields += request.fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    let version = request.isUpgrade ? "HTTP/1.1" : "HTTP/1.0"
    try connection.writeAll(
      HTTPHead.bytes("\(request.method) \(request.target) \(version)", fields), until: deadline)
    var bytes: [UInt8] = []
    while true {
      if let (head, count) = try HTTPHead.parse(bytes) {
        let stream = NodeStream(connection, head, Array(bytes[count...]))
        if head.status == (request.isUpgrade ? 101 : 200) { return stream }
        throw try Self.refusal(request, stream, deadline)
      }
      guard case .bytes(let new) = try connection.read(until: deadline) else {
        throw TLSError("it closed the connection without an answer")
      }
      bytes += new
    }
  }

  /// The Status of a refusal, or what there is in its place.
  private static func refusal(_ request: NodeRequest, _ stream: NodeStream, _ deadline: Double) throws -> StatusError {
    var body = stream.rest
    while body.count < longestError, case .bytes(let new) = try stream.connection.read(until: deadline) { body += new }
    let status = stream.head.status ?? 500
    if let json = try? JSON(parsing: body), json["kind"].string == "Status", let message = json["message"].string {
      return StatusError(json["code"].int ?? status, json["reason"].string ?? "InternalError", message)
    }
    let text = String(decoding: body.prefix(1024), as: UTF8.self)
    return StatusError(500, "InternalError", "node \"\(request.node)\" answered with status \(status): \(text)")
  }
}

/// An answer of a node that goes on.
final class NodeStream: Sendable {
  let connection: TLSConnection
  let head: HTTPHead
  /// What came with the head.
  let rest: [UInt8]

  init(_ connection: TLSConnection, _ head: HTTPHead, _ rest: [UInt8]) {
    self.connection = connection
    self.head = head
    self.rest = rest
  }
}
