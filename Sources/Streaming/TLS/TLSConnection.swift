internal import Glibc
package import Linux

/// A TLS connection with its socket, used by one thread at a time. Reading and writing never wait; whoever uses it polls
/// `descriptor`.
package final class TLSConnection: Sendable {
  private let session: TLSSession
  private let socket: Linux.FileDescriptor

  package enum Input: Hashable, Sendable {
    case bytes([UInt8])
    /// Nothing now.
    case nothing
    /// The peer has said that it sends no more.
    case end
  }

  /// - Parameters:
  ///   - socket: connected; it becomes non-blocking.
  ///   - expectedAddress: of a server: the address its certificate must be for.
  package init(_ context: TLSContext, _ socket: consuming Linux.FileDescriptor, expectedAddress: String? = nil)
    throws(TLSError)
  {
    let raw = socket.raw
    self.socket = socket
    _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
    session = try TLSSession(context, raw, peer: expectedAddress.map { .address($0) })
  }

  package var descriptor: CInt { socket.raw }

  /// Bytes are decrypted already: a poll would not show them.
  package var hasPending: Bool { session.hasPending }

  /// The common name of the peer's certificate.
  package var peerName: String? { session.peerName }

  /// What both sides speak above TLS (ALPN).
  package var applicationProtocol: String? { session.applicationProtocol }

  /// Shakes hands, waiting until a moment of `Time.monotonicSeconds`.
  package func handshake(until deadline: Double) throws(TLSError) {
    while true {
      let result = session.handshake()
      if result == 1 { return }
      guard result < 0, errno == EAGAIN else { throw session.failure("TLS handshake") }
      try wait(session.wantsOutput ? POLLOUT : POLLIN, deadline)
    }
  }

  package func read(_ count: Int = 32 * 1024) throws(TLSError) -> Input {
    var result = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      result = session.read(UnsafeMutableRawBufferPointer(buffer))
      initialized = max(0, result)
    }
    if result > 0 { return .bytes(bytes) }
    if result == 0 { return .end }
    if errno == EAGAIN { return .nothing }
    throw session.failure("read")
  }

  /// How many of the bytes were taken; 0: none now.
  package func write(_ bytes: ArraySlice<UInt8>) throws(TLSError) -> Int {
    guard !bytes.isEmpty else { return 0 }
    let result = bytes.withUnsafeBytes {
      session.write(UnsafeRawBufferPointer(rebasing: $0.prefix(1 << 20)))
    }
    if result > 0 { return result }
    if result < 0, errno == EAGAIN { return 0 }
    throw session.failure("write")
  }

  /// Writes all, waiting until a moment of `Time.monotonicSeconds`.
  package func writeAll(_ bytes: [UInt8], until deadline: Double) throws(TLSError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = try write(rest)
      rest = rest.dropFirst(count)
      if count == 0 { try wait(POLLOUT, deadline) }
    }
  }

  /// Reads once, waiting until a moment of `Time.monotonicSeconds`.
  package func read(until deadline: Double) throws(TLSError) -> Input {
    while true {
      let input = try read()
      guard input == .nothing else { return input }
      try wait(POLLIN, deadline)
    }
  }

  /// Tells the peer that nothing more will be sent.
  package func closeWrite() {
    session.close()
    shutdown(socket.raw, CInt(SHUT_WR))
  }

  private func wait(_ events: CInt, _ deadline: Double) throws(TLSError) {
    while true {
      let left = deadline - Time.monotonicSeconds
      guard left > 0 else { throw TLSError("the peer did not answer in time") }
      var entry = pollfd(fd: socket.raw, events: Int16(events), revents: 0)
      let count = poll(&entry, 1, CInt(min(left * 1000 + 1, 1e9)))
      if count > 0 { return }
      if count < 0, errno != EINTR { throw TLSError("poll: \(String(cString: strerror(errno)))") }
    }
  }
}
