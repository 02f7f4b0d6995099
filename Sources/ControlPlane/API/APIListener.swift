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
      let domain = address.family.socketDomain
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
    // `::` is IPv6 alone, so that `0.0.0.0` can be listened on beside it, whatever net.ipv6.bindv6only says.
    if address.family == .v6 {
      try check(what) { setsockopt(socket, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &one, size) }
    }
    try check(what) { SocketAddress(address, port: port).bind(socket) }
    try check(what) { Glibc.listen(socket, 512) }
  }
}
