internal import Glibc
internal import Linux

/// Notes when containers write to their logs (`LogTimes`), told by inotify. Lives on an event loop.
final class LogClock: @unchecked Sendable {
  // @unchecked: `watches` and `dirty` belong to the loop's thread.

  /// Seconds between the first write and the note of it: what comes within is one note.
  private static let delay = 0.005

  private let loop: EventLoop
  private let notifier: FileDescriptor
  private var watches: [CInt: String] = [:]
  private var dirty: Set<String> = []

  init(_ loop: EventLoop) throws(SystemError) {
    self.loop = loop
    notifier = FileDescriptor(
      owning: try check("inotify") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
    let raw = notifier.raw
    try loop.add(raw, .readable) { [unowned self] _ in read(raw) }
  }

  /// Follows a log from now on; from any thread. A file that is removed or replaced is followed no more.
  func follow(_ path: String) {
    loop.perform { [self] in
      LogTimes.note(path)
      let watch = inotify_add_watch(notifier.raw, path, UInt32(IN_MODIFY))
      if watch >= 0 { watches[watch] = path }
    }
  }

  /// A log is about to be moved away: what was written last is noted under its name, and nothing more. Waits for the loop.
  func leave(_ path: String) {
    let done = Gate()
    loop.perform { [self] in
      for (watch, watched) in watches where watched == path {
        inotify_rm_watch(notifier.raw, watch)
        watches[watch] = nil
      }
      dirty.remove(path)
      LogTimes.note(path)
      done.open()
    }
    // The loop may have ended: then nobody else notes either.
    done.wait(timeout: 2)
  }

  private func read(_ raw: CInt) {
    let size = MemoryLayout<inotify_event>.size
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = Glibc.read(raw, &buffer, buffer.count)
      guard count > 0 else { return }
      var offset = 0
      while offset + size <= count {
        let event = buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: inotify_event.self) }
        offset += size + Int(event.len)
        if event.mask & UInt32(IN_IGNORED) != 0 {
          watches[event.wd] = nil
        } else if let path = watches[event.wd] {
          note(path)
        }
      }
    }
  }

  private func note(_ path: String) {
    guard dirty.insert(path).inserted else { return }
    loop.schedule(after: Self.delay) { [unowned self] in
      if dirty.remove(path) != nil { LogTimes.note(path) }
    }
  }
}
