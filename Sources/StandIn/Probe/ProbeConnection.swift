internal import Addressing
internal import Glibc
internal import Linux

/// A probe that did not get what it asked for: a few words such as "connection refused".
struct ProbeFailure: Error, CustomStringConvertible {
  let description: String
}

/// A TCP connection or a connected UDP socket with one deadline for all it does.
final class ProbeConnection {
  private let socket: FileDescriptor
  private let deadline: Double

  /// Connects within `timeout` seconds.
  init(_ address: IPAddress, port: UInt16, datagram: Bool = false, timeout: Double) throws {
    deadline = Time.monotonicSeconds + timeout
    let type = CInt((datagram ? SOCK_DGRAM : SOCK_STREAM).rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    socket = try FileDescriptor.socket(address.family == .v4 ? AF_INET : AF_INET6, type)
    let raw = socket.raw
    let result = SocketAddress(address, port: port).connect(raw)
    if result == 0 { return }
    guard errno == EINPROGRESS else { throw Self.failure("connect", errno) }
    try wait(POLLOUT, "connecting")
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length)
    if code != 0 { throw Self.failure("connect", code) }
  }

  func send(_ bytes: [UInt8]) throws {
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(socket.raw, $0.baseAddress! + offset, bytes.count - offset, CInt(MSG_NOSIGNAL))
      }
      if count >= 0 {
        offset += count
      } else if errno == EAGAIN {
        try wait(POLLOUT, "sending")
      } else if errno != EINTR {
        throw Self.failure("send", errno)
      }
    }
  }

  /// The next piece of what comes; empty at the end.
  func receive() throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(socket.raw, &buffer, buffer.count, 0)
      if count >= 0 { return Array(buffer[..<count]) }
      if errno == EAGAIN {
        try wait(POLLIN, "waiting for an answer")
      } else if errno != EINTR {
        throw Self.failure("receive", errno)
      }
    }
  }

  /// Our own address, as the kernel chose it.
  func localAddress() -> IPAddress? {
    let (result, address) = SocketAddress.filled { getsockname(socket.raw, $0, $1) }
    return result == 0 ? address.address : nil
  }

  private func wait(_ events: CInt, _ doing: String) throws {
    var entry = pollfd(fd: socket.raw, events: Int16(events), revents: 0)
    let left = deadline - Time.monotonicSeconds
    let count = left > 0 ? poll(&entry, 1, CInt((left * 1000).rounded(.up))) : 0
    if count == 0 { throw ProbeFailure(description: "timed out \(doing)") }
    if count < 0, errno != EINTR { throw Self.failure("poll", errno) }
  }

  private static func failure(_ doing: String, _ code: CInt) -> ProbeFailure {
    ProbeFailure(description: "\(doing): \(String(cString: strerror(code)))")
  }
}
