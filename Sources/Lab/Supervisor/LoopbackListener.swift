internal import Addressing
internal import CLinux
internal import Glibc
package import Linux

/// The listener on the host's 127.0.0.1, the only thing of the lab outside its namespaces. It needs no address, route or
/// rule, and it is held by the supervisor, so that a client that connects while the server restarts waits instead of
/// being refused.
package enum LoopbackListener {
  /// Listens on a TCP port of 127.0.0.1; 0 lets the kernel choose.
  package static func open(port: Int) throws(SystemError) -> FileDescriptor {
    let socket = try FileDescriptor.socket(AF_INET, CInt(SOCK_STREAM.rawValue))
    let raw = socket.raw
    var one: CInt = 1
    setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size))
    let address = SocketAddress(.v4(IPv4Address(127, 0, 0, 1)), port: UInt16(port))
    try check("bind \(address)") { address.bind(raw) }
    try check("listen on 127.0.0.1:\(port)") { listen(raw, 1024) }
    return socket
  }

  /// The port a listener got.
  package static func port(of socket: borrowing FileDescriptor) throws(SystemError) -> Int {
    Int(try SocketAddress.bound(socket.raw).port)
  }

  /// A free port: `preferred` if it is free, otherwise one the kernel chooses.
  package static func freePort(preferred: Int) throws(SystemError) -> Int {
    do {
      return try port(of: open(port: preferred))
    } catch  where error.code == EADDRINUSE {
      return try port(of: open(port: 0))
    }
  }
}
