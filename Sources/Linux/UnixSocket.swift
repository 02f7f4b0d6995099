internal import CLinux
internal import Glibc

/// Stream sockets with a path in the file system.
package enum UnixSocket {
  /// How long a path may be, in bytes (unix(7)).
  package static let maximumPathLength = 107

  /// A socket connected to the one at `path`; sending and receiving on it give up after `timeout` seconds (EAGAIN).
  package static func connect(_ path: String, timeout: Double) throws(SystemError) -> FileDescriptor {
    let socket = try FileDescriptor.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue))
    let raw = socket.raw
    var limit = timeval(tv_sec: Int(timeout), tv_usec: Int((timeout - timeout.rounded(.down)) * 1e6))
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(raw, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var address = try Self.address(path, "connect \(path)")
    try check("connect \(path)") {
      withUnsafeBytes(of: &address) {
        Glibc.connect(raw, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
    return socket
  }

  /// A listening, non-blocking socket at `path`, for whom the mode lets in. A file that an earlier listener left there is
  /// replaced; one that somebody listens on is an error (EADDRINUSE).
  package static func listen(_ path: String, mode: UInt32 = 0o600, backlog: CInt = 16) throws(SystemError)
    -> FileDescriptor
  {
    if Files.exists(path) {
      if (try? connect(path, timeout: 1)) != nil { throw SystemError("listen on \(path)", code: EADDRINUSE) }
      try Files.remove(path)
    }
    let socket = try FileDescriptor.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue))
    let raw = socket.raw
    var address = try Self.address(path, "listen on \(path)")
    // A file takes its mode from the descriptor's: nobody can connect between bind and chmod.
    try check("set the mode of \(path)") { fchmod(raw, mode) }
    try check("bind \(path)") {
      withUnsafeBytes(of: &address) {
        bind(raw, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
    try check("set the mode of \(path)") { chmod(path, mode) }
    try check("listen on \(path)") { Glibc.listen(raw, backlog) }
    return socket
  }

  /// The next connection that waits, non-blocking; nil if there is none.
  package static func accept(_ listener: CInt) throws(SystemError) -> FileDescriptor? {
    while true {
      let raw = swiftlet_accept(listener)
      if raw >= 0 { return FileDescriptor(owning: raw) }
      switch -raw {
      case EAGAIN: return nil
      case EINTR, ECONNABORTED: continue
      default: throw SystemError("accept", code: -raw)
      }
    }
  }

  /// The process that listens at the other end of a connected socket, as it was when it began to (SO_PEERCRED).
  package static func peer(_ raw: CInt) -> CInt? {
    var credentials: [CInt] = [0, 0, 0]  // struct ucred: process, user, group
    var size = socklen_t(MemoryLayout<CInt>.size * credentials.count)
    guard getsockopt(raw, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, credentials[0] > 0 else { return nil }
    return credentials[0]
  }

  private static func address(_ path: String, _ operation: String) throws(SystemError) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count <= maximumPathLength else { throw SystemError(operation, code: ENAMETOOLONG) }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return address
  }
}
