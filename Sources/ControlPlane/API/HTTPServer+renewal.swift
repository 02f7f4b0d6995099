internal import CMicrohttpd
internal import Glibc
internal import Linux

extension HTTPServer {
  /// Shows another certificate to those who connect from now on, at the same ports. Connections that stand, and watches on
  /// them, go on under the old one until they end. Nobody is refused meanwhile: the sockets go on listening.
  ///
  /// Not at the same time as `start` or `stop`.
  func replace(_ old: TLSIdentity, with new: TLSIdentity) throws {
    retireUnused()
    let former = daemons
    daemons = []
    var failure: (any Error)?
    for daemon in former {
      let socket = MHD_quiesce_daemon(daemon)
      retired.append(daemon)
      let spare = fcntl(socket, F_DUPFD_CLOEXEC, 3)
      do {
        try start(Linux.FileDescriptor(owning: socket), identity: new)
        close(spare)
      } catch {
        // Better the old certificate than none.
        failure = error
        try start(Linux.FileDescriptor(owning: spare), identity: old)
      }
    }
    if let failure { throw failure }
  }

  /// Ends what serves nobody any more.
  private func retireUnused() {
    retired.removeAll { daemon in
      guard swiftlet_mhd_connections(daemon) == 0 else { return false }
      MHD_stop_daemon(daemon)
      return true
    }
  }
}
