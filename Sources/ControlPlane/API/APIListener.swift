package import Addressing
internal import Glibc
package import Linux

/// Where the server listens.
package enum APIListener: Sendable {
  /// An address and a port (0: any free one) of this process's namespace or of another.
  case address(IPAddress, port: UInt16, namespace: NetworkNamespace? = nil)
  /// A socket that listens already; the server closes it.
  case descriptor(CInt)

  /// The listening socket.
  func socket() throws(SystemError) -> Linux.FileDescriptor {
    switch self {
    case .descriptor(let raw): return Linux.FileDescriptor(owning: raw)
    case .address(let address, let port, let namespace):
      let domain = address.family == .v4 ? AF_INET : AF_INET6
      let type = CInt(SOCK_STREAM.rawValue)
      let socket: Linux.FileDescriptor
      if let namespace {
        socket = try namespace.socket(domain, type)
      } else {
        socket = try Linux.FileDescriptor.socket(domain, type)
      }
      try Self.listen(socket.raw, address, port)
      return socket
    }
  }

  private static func listen(_ socket: CInt, _ address: IPAddress, _ port: UInt16) throws(SystemError) {
    let what = "listen on \(address) port \(port)"
    var one: CInt = 1
    let size = socklen_t(MemoryLayout<CInt>.size)
    try check(what) { setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, size) }
    // sockaddr_in and sockaddr_in6 as bytes: family, port, then (flow,) address (, scope).
    var bytes = [UInt8](repeating: 0, count: address.family == .v4 ? 16 : 28)
    let family = UInt16(address.family == .v4 ? AF_INET : AF_INET6)
    withUnsafeBytes(of: family) { bytes.replaceSubrange(0..<2, with: $0) }
    bytes[2] = UInt8(port >> 8)
    bytes[3] = UInt8(port & 255)
    let offset = address.family == .v4 ? 4 : 8
    bytes.replaceSubrange(offset..<(offset + address.bytes.count), with: address.bytes)
    try check(what) {
      bytes.withUnsafeBytes {
        Glibc.bind(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
      }
    }
    try check(what) { Glibc.listen(socket, 512) }
  }

  /// The port a listening socket got.
  static func port(of socket: CInt) throws(SystemError) -> UInt16 {
    var bytes = [UInt8](repeating: 0, count: 28)
    var size = socklen_t(bytes.count)
    try check("getsockname") {
      bytes.withUnsafeMutableBytes { getsockname(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &size) }
    }
    return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
  }
}
