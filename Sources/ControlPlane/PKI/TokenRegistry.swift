internal import Glibc
internal import Linux
internal import Synchronization

/// The tokens of a file that may change while the server runs: it is read again when it has changed, so that a node that
/// joins needs no restart of the server, and one that was removed is let in no more.
package final class TokenRegistry: Sendable {
  /// Which file it was: one that is replaced has another number, one that is written another time.
  private struct Version: Equatable {
    var inode: UInt = 0
    var size: Int = 0
    var seconds = 0
    var nanoseconds = 0

    init?(_ path: String) {
      var info = stat()
      guard stat(path, &info) == 0 else { return nil }
      inode = UInt(info.st_ino)
      size = Int(info.st_size)
      seconds = info.st_mtim.tv_sec
      nanoseconds = info.st_mtim.tv_nsec
    }
  }

  private struct State {
    var file: TokenFile
    var version: Version?
  }

  private let path: String
  private let state: Mutex<State>

  package init(path: String) throws {
    self.path = path
    // Before reading: what is written between the two is read again later.
    let version = Version(path)
    state = Mutex(State(file: try TokenFile(path: path), version: version))
  }

  package var adminToken: String { state.withLock { $0.file.adminToken } }

  /// The user an Authorization header names (RFC 6750); nil if it names none. A file that cannot be read leaves those known.
  package func user(authorization: String) -> APIUser? {
    state.withLock { state in
      let version = Version(path)
      if let version, version != state.version {
        state.version = version
        if let file = try? TokenFile(path: path) { state.file = file }
      }
      return state.file.user(authorization: authorization)
    }
  }
}
