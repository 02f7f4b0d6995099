internal import Glibc
internal import Synchronization

/// What a command tells while it works: lines, and on a terminal one line of progress that is redrawn.
package final class LabOutput: Sendable {
  private let isTerminal: Bool
  private let lastProgress = Mutex("")

  package init(isTerminal: Bool = isatty(1) == 1) { self.isTerminal = isTerminal }

  /// A line that stays.
  package func line(_ text: String) {
    lastProgress.withLock { last in
      if isTerminal && !last.isEmpty { emit("\r\u{1B}[K") }
      last = ""
      emit(text + "\n")
    }
  }

  /// What is under way: redrawn on a terminal, elsewhere a line whenever it changes, or nothing if what follows tells as
  /// much.
  package func progress(_ text: String, onTerminalOnly: Bool = false) {
    if onTerminalOnly && !isTerminal { return }
    lastProgress.withLock { last in
      if text == last { return }
      last = text
      emit(isTerminal ? "\r\u{1B}[K\(fit(text))" : text + "\n")
    }
  }

  /// Ends the redrawn line, leaving nothing of it.
  package func endProgress() {
    lastProgress.withLock { last in
      if isTerminal && !last.isEmpty { emit("\r\u{1B}[K") }
      last = ""
    }
  }

  /// A longer line would wrap, and could not be redrawn.
  private func fit(_ text: String) -> String {
    var size = winsize()
    let columns = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    return text.count < columns ? text : text.prefix(columns - 2) + "…"
  }

  private func emit(_ text: String) {
    let bytes = Array(text.utf8)
    var offset = 0
    while offset < bytes.count {
      let count = bytes.withUnsafeBytes { write(1, $0.baseAddress! + offset, bytes.count - offset) }
      if count <= 0 { return }
      offset += count
    }
  }
}
