internal import CLinux
internal import Addressing
internal import ControlPlane
internal import Glibc
internal import Linux
internal import Streaming
internal import Synchronization

/// Serves logs, commands and ports of this node's pods to the API server, and to nobody else: HTTP/1.1 over TLS with the
/// paths of a kubelet, one request a connection, a thread for each.
final class NodeServer: Sendable {
  /// Seconds for the handshake and the head of the request.
  private static let patience = 10.0

  private let streams: NodeServerConfiguration
  private let node: NodeRuntimeConfiguration
  private let stopped: EventSignal
  private let state = Monitor(State())

  private struct State {
    var connections = 0
    var thread: Thread?
  }

  init(_ streams: NodeServerConfiguration, _ node: NodeRuntimeConfiguration) throws(SystemError) {
    self.streams = streams
    self.node = node
    stopped = try EventSignal()
  }

  /// Listens on the node's addresses in the network namespace of the process; what cannot be listened on is logged and tried again.
  func start() {
    let thread = Thread("node-server") { [self] in run() }
    state.withLock { $0.thread = thread }
  }

  /// Ends all streams and waits for their threads.
  func stop() {
    stopped.signal()
    state.withLock { state in
      defer { state.thread = nil }
      return state.thread
    }?.join()
    let hasEnded = state.wait(timeout: 10) { $0.connections == 0 ? true : nil }
    if hasEnded == nil { node.log("streams of pods did not end within 10 s") }
  }

  private func run() {
    var listeners: [Listener] = []
    var missing = node.nodeAddresses
    var pause: CInt = 100
    while true {
      for address in missing {
        do {
          listeners.append(try Listener(address, streams.port))
          missing.removeAll { $0 == address }
        } catch {
          if pause >= 5000 { node.log("streams of pods: \(error); tried again") }
        }
      }
      var entries = [pollfd(fd: stopped.raw, events: Int16(POLLIN), revents: 0)]
      entries += listeners.map { pollfd(fd: $0.raw, events: Int16(POLLIN), revents: 0) }
      let count = poll(&entries, nfds_t(entries.count), missing.isEmpty ? -1 : pause)
      pause = min(pause * 2, 5000)
      if entries[0].revents != 0 { return }
      if count <= 0 { continue }
      for entry in entries.dropFirst() where entry.revents != 0 { accept(entry.fd) }
    }
  }

  private final class Listener {
    private let descriptor: FileDescriptor
    var raw: CInt { descriptor.raw }

    init(_ address: IPAddress, _ port: UInt16) throws(SystemError) {
      descriptor = try FileDescriptor.socket(
        address.family.socketDomain, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
      let raw = descriptor.raw
      var on: CInt = 1
      setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
      try check("listen on \(address) port \(port)") { SocketAddress(address, port: port).bind(raw) }
      try check("listen on \(address) port \(port)") { listen(raw, 64) }
    }
  }

  private func accept(_ listener: CInt) {
    while true {
      let raw = swiftlet_accept(listener)
      if raw == -EINTR || raw == -ECONNABORTED { continue }
      guard raw >= 0 else {
        // Out of descriptors: the connection waits in the queue, and must not keep us busy meanwhile.
        if raw != -EAGAIN { usleep(100_000) }
        return
      }
      let socket = FileDescriptor(owning: raw)
      guard state.withLock({ $0.connections < streams.mostConnections }) else { continue }
      state.withLock { $0.connections += 1 }
      let number = socket.release()
      let isStarted = Thread.detached("stream", stackSize: 1 << 20) { [self] in
        serve(FileDescriptor(owning: number))
        state.withLock { $0.connections -= 1 }
        state.wakeAll()
      }
      if !isStarted {
        close(number)
        state.withLock { $0.connections -= 1 }
      }
    }
  }

  private func serve(_ socket: consuming FileDescriptor) {
    let deadline = Time.monotonicSeconds + Self.patience
    SocketOptions.keepAlive(socket.raw)
    do {
      let connection = try TLSConnection(streams.context, socket)
      try connection.handshake(until: deadline)
      var bytes: [UInt8] = []
      while true {
        if let (head, count) = try HTTPHead.parse(bytes) {
          let request = NodeServerConnection(
            connection: connection, stopped: stopped.raw, idleLimit: streams.idleLimit, early: Array(bytes[count...]))
          return answer(head, request)
        }
        guard case .bytes(let new) = try connection.read(until: deadline) else { return }
        bytes += new
      }
    } catch {
      // Whoever does not speak as the API server does is not answered.
      node.log("a connection to the server of streams was closed: \(error)")
    }
  }

  private func answer(_ head: HTTPHead, _ connection: NodeServerConnection) {
    do throws(StatusError) {
      guard connection.connection.peerName == NodeTrust.apiServerName else {
        throw StatusError(403, "Forbidden", "the server of streams serves the API server alone")
      }
      let request = try NodeServerRequest(head)
      try NodePodStreams(node, connection).serve(request)
    } catch {
      connection.refuse(error)
    }
  }
}
