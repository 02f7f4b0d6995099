internal import CCurl
internal import Linux
internal import Synchronization

/// The thread that drives libcurl's multi interface. Other threads hand it commands and wake it.
final class CurlLoop: @unchecked Sendable {
  // @unchecked: libcurl's multi handle is used by the loop's thread only, but for curl_multi_wakeup, which may be called
  // by any thread while the handle lives; `Commands.isClosed` guards that.
  private enum Command {
    case start(CurlTransfer)
    case cancel(CurlTransfer)
  }

  private struct Commands {
    var waiting: [Command] = []
    var isClosed = false
    /// The multi handle is gone.
    var isFreed = false
  }

  /// Initialises the library once a process.
  static let library: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

  private let multi: UnsafeMutableRawPointer
  private let commands = Mutex(Commands())

  init() {
    precondition(Self.library == CURLE_OK, "libcurl cannot be initialised")
    multi = curl_multi_init()
    // The thread keeps the loop alive until it is closed.
    _ = Thread("curl") { self.run() }
  }

  func start(_ transfer: CurlTransfer) {
    if !post(.start(transfer)) { transfer.endCancelled() }
  }

  func cancel(_ transfer: CurlTransfer) { _ = post(.cancel(transfer)) }

  func close() {
    commands.withLock { state in
      state.isClosed = true
      if !state.isFreed { curl_multi_wakeup(multi) }
    }
  }

  private func post(_ command: Command) -> Bool {
    commands.withLock { state in
      guard !state.isClosed else { return false }
      state.waiting.append(command)
      curl_multi_wakeup(multi)
      return true
    }
  }

  private func run() {
    var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    var running: CInt = 0
    while true {
      let (waiting, isClosed) = commands.withLock { state in
        defer { state.waiting = [] }
        return (state.waiting, state.isClosed)
      }
      for command in waiting {
        switch command {
        case .start(let transfer):
          transfers[transfer.easy] = transfer
          curl_multi_add_handle(multi, transfer.easy)
        case .cancel(let transfer):
          guard transfers.removeValue(forKey: transfer.easy) != nil else { break }
          curl_multi_remove_handle(multi, transfer.easy)
          transfer.endCancelled()
        }
      }
      if isClosed { break }
      curl_multi_perform(multi, &running)
      var left: CInt = 0
      while let message = curl_multi_info_read(multi, &left) {
        guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
        let code = message.pointee.data.result  // the message does not outlive the removal
        curl_multi_remove_handle(multi, easy)
        transfers.removeValue(forKey: easy)?.end(code)
      }
      curl_multi_poll(multi, nil, 0, 60_000, nil)
    }
    for (easy, transfer) in transfers {
      curl_multi_remove_handle(multi, easy)
      transfer.endCancelled()
    }
    commands.withLock { state in
      state.isFreed = true
      curl_multi_cleanup(multi)
    }
  }
}
