internal import CMicrohttpd
internal import Glibc
internal import Linux
internal import Streaming

/// What the callbacks of a stream need.
private final class RelayContext {
  let server: HTTPServer
  let relay: NodeRelay
  let client: CInt

  init(_ server: HTTPServer, _ relay: NodeRelay, _ client: CInt) {
    self.server = server
    self.relay = relay
    self.client = client
    server.began(relay)
  }

  deinit { server.ended(relay) }
}

/// Queues the answer of a node: its log as a body, or an upgraded connection. `hold` keeps something until the request is
/// over.
func sendNodeStream(
  _ stream: NodeStream, isUpgrade: Bool, _ connection: OpaquePointer, _ server: HTTPServer, hold: (AnyObject) -> Void
) -> MHD_Result {
  let socket = swiftlet_mhd_socket(connection)
  guard let relay = try? NodeRelay(stream) else { return swiftlet_MHD_NO }
  let held = RelayContext(server, relay, socket)
  // A client that hangs up before the answer is sent is never handed to `runUpgrade`: the request holds it too.
  hold(held)
  let context = Unmanaged.passUnretained(held)
  swiftlet_mhd_set_timeout(connection, 0)
  server.connections.entered(.stream, connection)
  let response: OpaquePointer?
  if isUpgrade {
    response = MHD_create_response_for_upgrade(runUpgrade, context.toOpaque())
    for name in ["upgrade", "sec-websocket-accept", "sec-websocket-protocol", "x-stream-protocol-version"] {
      if let value = stream.head[name] { MHD_add_response_header(response, fieldNames[name], value) }
    }
  } else {
    response = MHD_create_response_from_callback(
      swiftlet_MHD_SIZE_UNKNOWN, 32 * 1024, readRelay, context.toOpaque(), nil)
    MHD_add_response_header(response, "content-type", "text/plain")
  }
  guard let response else { return swiftlet_MHD_NO }
  let result = MHD_queue_response(connection, isUpgrade ? 101 : 200, response)
  MHD_destroy_response(response)
  return result
}

/// As clients that compare letters expect them.
private let fieldNames = [
  "upgrade": "Upgrade", "sec-websocket-accept": "Sec-WebSocket-Accept",
  "sec-websocket-protocol": "Sec-WebSocket-Protocol", "x-stream-protocol-version": "X-Stream-Protocol-Version",
]

/// Called once the 101 is sent. libmicrohttpd carries TLS between the client and `socket` on the connection's thread, so
/// the relay has a thread of its own.
private func runUpgrade(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ state: UnsafeMutableRawPointer?,
  _ extra: UnsafePointer<CChar>?, _ count: Int, _ socket: CInt, _ upgrade: OpaquePointer?
) {
  guard let context, let upgrade else { return }
  let held = Unmanaged<RelayContext>.fromOpaque(context).takeUnretainedValue()
  let early = extra.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) } ?? []
  let work = UpgradeWork(context: held, upgrade: upgrade, socket: socket, early: early)
  guard held.server.beganUpgrade() else { return swiftlet_mhd_end_upgrade(upgrade) }
  if !Thread.detached("node-stream", stackSize: 512 * 1024, { work.run() }) { work.end() }
}

private final class UpgradeWork: @unchecked Sendable {
  // @unchecked: made by one thread and used by the next.
  private let context: RelayContext
  private let upgrade: OpaquePointer
  private let socket: CInt
  private let early: [UInt8]

  init(context: RelayContext, upgrade: OpaquePointer, socket: CInt, early: [UInt8]) {
    self.context = context
    self.upgrade = upgrade
    self.socket = socket
    self.early = early
  }

  func run() {
    context.relay.run(ByteRelay.Client(socket: socket, connection: context.client), early: early)
    end()
  }

  func end() {
    swiftlet_mhd_end_upgrade(upgrade)
    context.server.endedUpgrade()
  }
}

private func readRelay(
  _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  guard let context, let buffer else { return swiftlet_MHD_CONTENT_READER_END_WITH_ERROR }
  let held = Unmanaged<RelayContext>.fromOpaque(context).takeUnretainedValue()
  guard let bytes = held.relay.read(size, client: held.client) else {
    return swiftlet_MHD_CONTENT_READER_END_WITH_ERROR
  }
  guard !bytes.isEmpty else { return swiftlet_MHD_CONTENT_READER_END_OF_STREAM }
  _ = bytes.withUnsafeBytes { memcpy(buffer, $0.baseAddress!, $0.count) }
  return bytes.count
}
