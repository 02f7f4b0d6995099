internal import ControlPlane
internal import Glibc
internal import Linux

/// A log that grows, until its container has ended and all was read.
final class LogFollower {
  private let reader: LogReader
  private let notifier: FileDescriptor
  private let process: ProcessHandle

  /// For those who want what is written from now on.
  static var fromNow: PodLogOptions {
    var options = PodLogOptions()
    options.follow = true
    options.tailLines = 0
    return options
  }

  init?(_ path: String, _ options: PodLogOptions, _ process: ProcessHandle) {
    let raw = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
    guard raw >= 0 else { return nil }
    notifier = FileDescriptor(owning: raw)
    // Before reading: what is written between the two is told.
    inotify_add_watch(raw, path, UInt32(IN_MODIFY))
    guard let reader = LogReader(path, options) else { return nil }
    self.reader = reader
    self.process = process
  }

  /// What there is now, maybe nothing; nil at the end.
  func next() -> [UInt8]? {
    if reader.isExhausted { return nil }
    var buffer = [UInt8](repeating: 0, count: 4096)
    while read(notifier.raw, &buffer, buffer.count) > 0 {}
    // Asked before reading: what was written before the end is read then.
    let hasEnded = process.hasEnded
    let bytes = reader.next()
    return bytes.isEmpty && hasEnded ? nil : bytes
  }

  /// The two entries given and, where there is nothing to send, those that tell of more.
  func entries(_ first: pollfd, _ second: pollfd, waits: Bool) -> [pollfd] {
    guard waits else { return [first, second] }
    return [
      first, second, pollfd(fd: notifier.raw, events: Int16(POLLIN), revents: 0),
      pollfd(fd: process.descriptor.raw, events: Int16(POLLIN), revents: 0),
    ]
  }
}
