internal import Linux

/// A process of a pod: our child, or one that an earlier runtime started and we go on with.
enum ProcessReference: Sendable {
  case child(ChildProcess, ProcessIdentity)
  case adopted(ProcessHandle)

  var identity: ProcessIdentity {
    switch self {
    case .child(_, let identity): identity
    case .adopted(let handle): handle.identity
    }
  }

  /// Readable once it has ended.
  var descriptor: CInt {
    switch self {
    case .child(let child, _): child.descriptor.raw
    case .adopted(let handle): handle.descriptor.raw
    }
  }

  func signal(_ signal: CInt) {
    switch self {
    case .child(let child, _): child.signal(signal)
    case .adopted(let handle): handle.signal(signal)
    }
  }

  /// Waits until it has ended; false if it lives after `timeout` seconds.
  func waitUntilEnded(timeout: Double) -> Bool {
    switch self {
    case .child(let child, _): child.wait(timeout: timeout) != nil
    case .adopted(let handle): handle.wait(timeout: timeout)
    }
  }

  /// How it ended; nil if that is not to be known, because it is not our child.
  var exitStatus: ChildProcess.Status? {
    switch self {
    case .child(let child, _): child.wait(timeout: 0)
    case .adopted: nil
    }
  }
}

/// Tells when processes end. Lives on an event loop.
final class ProcessWatcher: Sendable {
  private let loop: EventLoop

  init(_ loop: EventLoop) { self.loop = loop }

  /// Calls `onEnd` once, on the loop's thread, when the process has ended; a child is reaped before.
  func watch(_ process: ProcessReference, onEnd: @escaping @Sendable (ChildProcess.Status?) -> Void) {
    loop.perform { [loop] in
      let raw = process.descriptor
      let added: Void? = try? loop.add(raw, .readable) { _ in
        loop.remove(raw)
        onEnd(process.exitStatus)
      }
      if added == nil { onEnd(process.exitStatus) }
    }
  }
}
