internal import Glibc

/// Options of stream sockets.
package enum SocketOptions {
  /// Makes the kernel ask a silent peer whether it still lives, after half a minute and then three times: a peer whose
  /// network namespace is gone says nothing any more.
  package static func keepAlive(_ socket: CInt) {
    func set(_ level: CInt, _ option: CInt, _ value: CInt) {
      var value = value
      setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
    set(CInt(IPPROTO_TCP), TCP_KEEPIDLE, 30)
    set(CInt(IPPROTO_TCP), TCP_KEEPINTVL, 10)
    set(CInt(IPPROTO_TCP), TCP_KEEPCNT, 3)
  }
}
