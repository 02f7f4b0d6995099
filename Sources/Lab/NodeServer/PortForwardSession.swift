internal import Addressing
internal import Glibc
internal import Linux
internal import Streaming

/// Carries connections to ports of one pod, many in one, with a bounded buffer for each.
///
/// SPDY's windows are not kept by Kubernetes' clients, so that one connection whose pod does not read holds up the others:
/// after half a minute without a byte it is given up.
final class PortForwardSession {
  /// Bytes that wait for the client, and for each pod's connection.
  private static let room = 128 * 1024
  /// Seconds a pod may read nothing while others wait.
  private static let patience = 30.0

  private let connection: NodeServerConnection
  private let upgrade: StreamUpgrade
  private let namespace: NetworkNamespace
  private let pod: String
  private let uid: String
  private var streams: PortForwardProtocol
  private var links: [UInt32: PodConnection] = [:]
  /// To the client.
  private var pending: ArraySlice<UInt8> = []
  private var hasLeft = false

  init(
    _ connection: NodeServerConnection, _ upgrade: StreamUpgrade, _ namespace: NetworkNamespace, pod: String,
    uid: String
  ) {
    self.connection = connection
    self.upgrade = upgrade
    self.namespace = namespace
    self.pod = pod
    self.uid = uid
    streams = PortForwardProtocol(inWebSocket: upgrade.carrier == .webSocket)
  }

  func run() {
    do {
      try connection.send(upgrade.head)
      try take(connection.early)
      while try step() {}
      streams.finish()
      pending += streams.takeOutput()
      try connection.finish(pending)
    } catch {
      // The client is gone or speaks something else.
      pending += streams.takeOutput()
      _ = try? connection.connection.write(pending)
      connection.connection.closeWrite()
    }
  }

  /// False when the client wants nothing more.
  private func step() throws -> Bool {
    pending += streams.takeOutput()
    if hasLeft { return false }
    let now = Time.monotonicSeconds
    let isCrowded = links.values.contains { $0.waiting >= Self.room }
    if isCrowded {
      for (id, link) in links where link.waiting >= Self.room && now - link.lastProgress > Self.patience {
        close(id, "the pod has read nothing for \(Int(Self.patience)) s")
      }
    }
    let canRead = pending.count < Self.room
    var events: CInt = isCrowded ? 0 : POLLIN
    if !pending.isEmpty { events |= POLLOUT }
    var entries = [
      pollfd(fd: events == 0 ? -1 : connection.connection.descriptor, events: Int16(events), revents: 0),
      pollfd(fd: connection.stopped, events: Int16(POLLIN), revents: 0),
    ]
    let ids = Array(links.keys)
    for id in ids { entries.append(links[id]!.entry(canRead: canRead)) }
    let hasPending = connection.connection.hasPending && !isCrowded
    let limit = isCrowded ? 1 : connection.idleLimit
    let count = poll(&entries, nfds_t(entries.count), hasPending ? 0 : CInt(min(limit * 1000, 1e9)))
    if count < 0, errno != EINTR { return false }
    if entries[1].revents != 0 || (count == 0 && !isCrowded && !hasPending) { return false }
    for (index, id) in ids.enumerated() where entries[index + 2].revents != 0 { exchange(id, entries[index + 2]) }
    if hasPending || entries[0].revents & ~Int16(POLLOUT) != 0, !isCrowded {
      switch try connection.connection.read() {
      case .bytes(let bytes): try take(bytes)
      case .nothing: break
      case .end: return false
      }
    }
    pending += streams.takeOutput()
    if !pending.isEmpty { pending = pending.dropFirst(try connection.connection.write(pending)) }
    return true
  }

  private func take(_ bytes: [UInt8]) throws {
    for event in try streams.receive(bytes) {
      switch event {
      case .open(let id, let port):
        do { links[id] = try PodConnection(namespace, port) } catch { close(id, failure(port, error)) }
      case .data(let id, let bytes): links[id]?.send(bytes)
      case .ended(let id):
        links[id]?.sendEnd()
        if links[id]?.isOver == true { close(id, nil) }
      case .reset(let id): links[id] = nil
      case .left: hasLeft = true
      }
    }
  }

  private func failure(_ port: UInt16, _ error: any Error) -> String {
    "error forwarding port \(port) to pod \(pod), uid \(uid): failed to connect to localhost:\(port) inside the pod: "
      + "\(error)"
  }

  private func exchange(_ id: UInt32, _ entry: pollfd) {
    guard let link = links[id] else { return }
    do {
      for chunk in try link.exchange(entry, namespace) { streams.write(id, chunk) }
      if link.hasJustEnded() { streams.end(id) }
      if link.isOver { close(id, nil) }
    } catch {
      close(id, link.isConnected ? nil : failure(link.port, error))
    }
  }

  private func close(_ id: UInt32, _ error: String?) {
    links[id] = nil
    streams.close(id, error: error)
  }
}
