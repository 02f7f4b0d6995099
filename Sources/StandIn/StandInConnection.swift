internal import CLinux
internal import Glibc
internal import Linux

/// One TCP connection of a stand-in: moves bytes between the socket and its conversation.
final class StandInConnection {
  private let descriptor: FileDescriptor
  private var conversation: Conversation
  private let loop: EventLoop
  private var pending: [UInt8] = []
  private var delayTimer: EventLoop.Timer?
  private var isDraining = false
  private var isClosed = false
  var onClose: () -> Void = {}
  var onExit: (CInt) -> Void = { _ in }

  init(_ descriptor: consuming FileDescriptor, _ conversation: Conversation, _ loop: EventLoop) {
    self.descriptor = descriptor
    self.conversation = conversation
    self.loop = loop
    let raw = self.descriptor.raw
    _ = fcntl(raw, F_SETFL, O_NONBLOCK)
    _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
    var one: CInt = 1
    setsockopt(raw, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
  }

  func start() {
    do throws(SystemError) {
      try loop.add(descriptor.raw, .readable) { [unowned self] events in handle(events) }
    } catch {
      close()
    }
  }

  /// Ends now if nothing is under way, else after the answer.
  func drain() {
    isDraining = true
    // An echo has no end of its own: the other side is told that nothing more comes.
    if pending.isEmpty && delayTimer == nil { close() }
  }

  private func handle(_ events: EventLoop.Events) {
    if events.contains(.writable) { advance() }
    if isClosed || !pending.isEmpty { return }
    if events.contains(.error) || (events.contains(.hangup) && delayTimer != nil) { return close() }
    if events.contains(.readable) { receive() }
  }

  private func receive() {
    guard conversation.wantsInput, delayTimer == nil else { return }
    var count = 0
    var code: CInt = 0
    withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 16) { buffer in
      count = recv(descriptor.raw, buffer.baseAddress, buffer.count, 0)
      code = errno
      if count > 0 { conversation.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
    }
    if count < 0 {
      if code != EAGAIN && code != EINTR { close() }
      return
    }
    if count == 0 { conversation.receiveEnd() }
    advance()
  }

  /// Sends what can be sent, then goes on with what waited for it.
  private func advance() {
    while !isClosed {
      if pending.isEmpty {
        if let delay = conversation.takeDelay() {
          pause(Double(delay) / 1000)
          return
        }
        pending = conversation.takeOutput()
        if pending.isEmpty { return settle() }
      }
      let sent = pending.withUnsafeBytes { send(descriptor.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      if sent < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return watch(.writable) }
        return close()
      }
      if sent == pending.count { pending = [] } else { pending.removeFirst(sent) }
      if pending.isEmpty {
        if let code = conversation.exitCode { return onExit(code) }
        if !conversation.isDone { conversation.proceed() }
      }
    }
  }

  private func settle() {
    if conversation.isDone || isDraining { close() } else { watch(.readable) }
  }

  private func pause(_ seconds: Double) {
    // No events meanwhile, or a waiting byte would keep the loop busy.
    watch([])
    delayTimer = loop.schedule(after: seconds) { [unowned self] in
      delayTimer = nil
      advance()
    }
  }

  private func watch(_ events: EventLoop.Events) {
    if (try? loop.change(descriptor.raw, events)) == nil { close() }
  }

  private func close() {
    guard !isClosed else { return }
    isClosed = true
    if let delayTimer { loop.cancel(delayTimer) }
    delayTimer = nil
    loop.remove(descriptor.raw)
    onClose()
  }
}
