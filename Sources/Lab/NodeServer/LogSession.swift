internal import ControlPlane
internal import Glibc
internal import Linux
internal import Streaming

/// Sends a log as the body of an answer, and goes on as long as its container does where that is asked for.
struct LogSession {
  private let connection: NodeServerConnection
  private let options: PodLogOptions

  init(_ connection: NodeServerConnection, _ options: PodLogOptions) {
    self.connection = connection
    self.options = options
  }

  /// - Parameter process: whose end is the end of the log; nil: what is there now is all.
  func run(_ path: String, follows process: ProcessHandle?) {
    let head = HTTPHead.bytes("HTTP/1.1 200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    guard (try? connection.send(head)) != nil else { return }
    if let process {
      if let follower = LogFollower(path, options, process) { follow(follower) }
    } else if let reader = LogReader(path, options) {
      while !reader.isExhausted {
        let bytes = reader.next()
        if bytes.isEmpty { break }
        guard (try? connection.send(bytes[...], within: connection.idleLimit)) == true else { return }
      }
    }
    try? connection.finish([])
  }

  private func follow(_ follower: LogFollower) {
    var pending: ArraySlice<UInt8> = []
    while true {
      if pending.isEmpty {
        guard let bytes = follower.next() else { return }
        pending = bytes[...]
      }
      var entries = follower.entries(
        pollfd(fd: connection.connection.descriptor, events: Int16(pending.isEmpty ? POLLIN : POLLOUT), revents: 0),
        pollfd(fd: connection.stopped, events: Int16(POLLIN), revents: 0), waits: pending.isEmpty)
      let count = poll(&entries, nfds_t(entries.count), CInt(min(connection.idleLimit * 1000, 1e9)))
      if count < 0, errno == EINTR { continue }
      // Nothing for so long, or we end.
      if count <= 0 || entries[1].revents != 0 { return }
      do {
        // The API server sends nothing more: whatever can be read is its end.
        if pending.isEmpty, entries[0].revents != 0, try connection.connection.read() != .nothing { return }
        pending = pending.dropFirst(try connection.connection.write(pending))
      } catch {
        return
      }
    }
  }
}
