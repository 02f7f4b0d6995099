internal import Linux
internal import Synchronization

/// A configuration whose files may change while the program runs: a pod's token and certificate authority, a kubeconfig, a
/// client certificate. They are looked at before a request, at most once in `interval` seconds, and read again when they
/// have changed, so that nothing needs a restart. A file that cannot be read, or holds nothing, leaves what was known.
final class CredentialSource: Sendable {
  private struct State {
    var config: KubeConfig
    var tokenStamp: FileStamp?
    var token: String?
    /// When the files were looked at last, on the monotonic clock.
    var lookedAt = -Double.infinity
    /// Which version of what is known; raised by every change.
    var version = 0
  }

  private let state: Mutex<State>
  private let interval: Double
  private let onError: @Sendable (any Error) -> Void

  /// `onError` is told why a changed file cannot be used.
  init(_ config: KubeConfig, interval: Double = 1, onError: @escaping @Sendable (any Error) -> Void) {
    var config = config
    if config.contents != config.contentsAsRead {
      config.origin = nil
      config.files = [:]
    }
    state = Mutex(State(config: config))
    self.interval = interval
    self.onError = onError
  }

  /// The newest configuration, with the token to show in `token`, and which version of it this is.
  func current() -> (config: KubeConfig, version: Int) {
    state.withLock { state in
      let now = Time.monotonicSeconds
      if now - state.lookedAt >= interval {
        state.lookedAt = now
        look(&state)
      }
      var config = state.config
      config.token = state.token ?? config.token
      return (config, state.version)
    }
  }

  /// The server did not accept this version: looks at the files now, and answers whether there is another one.
  func refused(_ version: Int) -> Bool {
    state.withLock { state in
      state.lookedAt = Time.monotonicSeconds
      look(&state, isForced: true)
      return state.version != version
    }
  }

  /// `isForced`: also where the files look as before, for clocks of file systems are coarse.
  private func look(_ state: inout State, isForced: Bool = false) {
    if isForced || state.config.files.contains(where: { FileStamp($0.key) != $0.value }) {
      do {
        let before = state.config
        state.config = try before.reread()
        if before.contents != state.config.contents { state.version += 1 }
      } catch {
        for file in state.config.files.keys { state.config.files[file] = FileStamp(file) }
        onError(error)
      }
    }
    guard let file = state.config.tokenFile else { return }
    let stamp = FileStamp(file)
    guard isForced || stamp != state.tokenStamp else { return }
    state.tokenStamp = stamp
    do {
      let token = try Files.readText(file).split(whereSeparator: \.isWhitespace).first.map(String.init)
      guard let token, token != state.token else { return }
      state.token = token
      state.version += 1
    } catch {
      onError(error)
    }
  }
}
