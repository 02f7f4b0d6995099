internal import Addressing
internal import CLinux
internal import Glibc
internal import Linux

/// A connection to a port of a pod on its loopback, IPv4 first and then IPv6, as `localhost` means it.
final class PodConnection {
  let port: UInt16
  private var socket: Socket
  private var addresses: ArraySlice<IPAddress> = [.v4(IPv4Address(127, 0, 0, 1)), IPAddress("::1")!]
  private(set) var isConnected = false
  /// Monotonic seconds.
  private(set) var lastProgress = Time.monotonicSeconds
  private var backlog: ArraySlice<UInt8> = []
  private var endIsToBeSent = false
  private var endWasSent = false
  private var hasEnded = false
  private var endWasTold = false

  private final class Socket {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  init(_ namespace: NetworkNamespace, _ port: UInt16) throws(SystemError) {
    self.port = port
    socket = try Self.connect(namespace, addresses[0], port)
    addresses = addresses.dropFirst()
  }

  private static func connect(_ namespace: NetworkNamespace, _ address: IPAddress, _ port: UInt16) throws(SystemError)
    -> Socket
  {
    let socket = Socket(
      try namespace.socket(
        address.family.socketDomain, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue)))
    if SocketAddress(address, port: port).connect(socket.descriptor.raw) != 0, errno != EINPROGRESS {
      throw SystemError("connect to \(address)")
    }
    return socket
  }

  /// Bytes that the pod has not taken.
  var waiting: Int { backlog.count }
  /// Both sides have ended and all was handed on.
  var isOver: Bool { hasEnded && endWasSent }

  func entry(canRead: Bool) -> pollfd {
    var events: CInt = 0
    if !isConnected || !backlog.isEmpty || (endIsToBeSent && !endWasSent) { events |= POLLOUT }
    if isConnected, canRead, !hasEnded { events |= POLLIN }
    return pollfd(fd: events == 0 ? -1 : socket.descriptor.raw, events: Int16(events), revents: 0)
  }

  func send(_ bytes: [UInt8]) {
    if backlog.isEmpty { lastProgress = Time.monotonicSeconds }
    backlog += bytes
  }
  func sendEnd() { endIsToBeSent = true }

  /// True once, when the pod has ended.
  func hasJustEnded() -> Bool {
    defer { endWasTold = hasEnded }
    return hasEnded && !endWasTold
  }

  /// What the pod has sent. Throws where the connection broke, or could not be made.
  func exchange(_ entry: pollfd, _ namespace: NetworkNamespace) throws(SystemError) -> [[UInt8]] {
    if !isConnected, try !establish(namespace) { return [] }
    var chunks: [[UInt8]] = []
    if entry.events & Int16(POLLIN) != 0, entry.revents & ~Int16(POLLOUT) != 0 {
      let bytes = try receive()
      if !bytes.isEmpty { chunks.append(bytes) }
    }
    try flush()
    return chunks
  }

  /// False where another address is tried now.
  private func establish(_ namespace: NetworkNamespace) throws(SystemError) -> Bool {
    var code: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(socket.descriptor.raw, SOL_SOCKET, SO_ERROR, &code, &size)
    if code == 0 {
      isConnected = true
      return true
    }
    // What is said is about the first address: most pods listen there or nowhere.
    let failure = SystemError("connect to 127.0.0.1", code: code)
    guard let next = addresses.popFirst() else { throw failure }
    guard let socket = try? Self.connect(namespace, next, port) else { throw failure }
    self.socket = socket
    return false
  }

  private func receive() throws(SystemError) -> [UInt8] {
    var count = 0
    let raw = socket.descriptor.raw
    let bytes = [UInt8](unsafeUninitializedCapacity: 32 * 1024) { buffer, initialized in
      count = recv(raw, buffer.baseAddress, buffer.count, 0)
      initialized = max(0, count)
    }
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return [] }
      throw SystemError("recv")
    }
    lastProgress = Time.monotonicSeconds
    if count == 0 { hasEnded = true }
    return bytes
  }

  private func flush() throws(SystemError) {
    let raw = socket.descriptor.raw
    while !backlog.isEmpty {
      let count = backlog.withUnsafeBytes { Glibc.send(raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      if count < 0 {
        if errno == EAGAIN || errno == EINTR { return }
        throw SystemError("send")
      }
      lastProgress = Time.monotonicSeconds
      backlog = backlog.dropFirst(count)
    }
    if endIsToBeSent, !endWasSent {
      shutdown(raw, CInt(SHUT_WR))
      endWasSent = true
    }
  }
}
