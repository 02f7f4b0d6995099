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
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    try check("bind 127.0.0.1:\(port)") {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    try check("listen on 127.0.0.1:\(port)") { listen(raw, 1024) }
    return socket
  }

  /// The port a listener got.
  package static func port(of socket: borrowing FileDescriptor) throws(SystemError) -> Int {
    let raw = socket.raw
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    try check("getsockname") {
      withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
      }
    }
    return Int(UInt16(bigEndian: address.sin_port))
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
