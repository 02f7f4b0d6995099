internal import CLinux
internal import Glibc
internal import Synchronization

/// A process that we started, held by a pidfd. May be used from any thread.
///
/// It starts with an empty signal mask, default signal handlers and no descriptors but those named. A child that nobody
/// waits for stays a zombie until we end.
package final class ChildProcess: Sendable {
  /// What a standard stream of the child is connected to.
  package enum Stream: Hashable, Sendable {
    /// /dev/null.
    case null
    /// Our own stream of the same number.
    case inherit
    /// A descriptor, borrowed: the caller keeps it open until `init` has returned, and may close it then.
    case descriptor(CInt)

    fileprivate func number(_ own: CInt) -> CInt {
      switch self {
      case .null: -1
      case .inherit: own
      case .descriptor(let raw): raw
      }
    }
  }

  package let pid: CInt
  /// A pidfd: readable once the process has ended, so it can be polled or added to an `EventLoop`.
  package let descriptor: FileDescriptor
  private let status = Mutex<Status?>(nil)

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - argv: the program and its arguments; without a slash it is looked up in our PATH.
  ///   - environment: everything the child gets; nil hands on our own.
  ///   - extraDescriptors: borrowed descriptors that become 3, 4, … in the child.
  ///   - namespace: the network namespace it starts in; nil is the caller's.
  ///   - newSession: setsid, so that it has no controlling terminal and is a process group of its own.
  package init(
    _ argv: [String], environment: [String: String]? = nil, standardInput: Stream = .null,
    standardOutput: Stream = .inherit, standardError: Stream = .inherit, extraDescriptors: [CInt] = [],
    namespace: NetworkNamespace? = nil, newSession: Bool = false
  ) throws(SystemError) {
    guard let program = argv.first else { throw SystemError("spawn: empty argument list", code: EINVAL) }
    let arguments = CStrings(argv)
    let variables = environment.map { map in CStrings(map.map { "\($0.key)=\($0.value)" }) }
    let fds = [standardInput.number(0), standardOutput.number(1), standardError.number(2)] + extraDescriptors
    var pidfd: CInt = -1
    let result = program.withCString { path in
      fds.withUnsafeBufferPointer { fds in
        var spawn = swiftlet_spawn()
        spawn.path = path
        spawn.argv = UnsafePointer(arguments.pointers)
        spawn.envp = UnsafePointer(variables?.pointers ?? environ)
        spawn.fds = fds.baseAddress
        spawn.fd_count = CInt(fds.count)
        spawn.netns = namespace?.descriptor.raw ?? -1
        spawn.new_session = newSession
        return swiftlet_spawn(&spawn, &pidfd)
      }
    }
    pid = try checkedResult("start \(program)", result)
    guard pidfd >= 0 else {
      // Without a pidfd we could neither wait with a timeout nor signal safely.
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      throw SystemError("pidfd_open for \(program)", code: -pidfd)
    }
    descriptor = FileDescriptor(owning: pidfd)
  }

  /// Waits until the process ends, reaps it, and tells how it ended; nil when `timeout` seconds pass before. Later calls
  /// give the same answer.
  @discardableResult
  package func wait(timeout: Double? = nil) -> Status? {
    guard waitReadable(descriptor.raw, timeout: timeout) else { return status.withLock { $0 } }
    return status.withLock { status in
      if status == nil {
        var raw: CInt = 0
        // Nobody else reaps our child, so the number still is the one of this process.
        while waitpid(pid, &raw, 0) == -1 && errno == EINTR {}
        status = Status(waitStatus: raw)
      }
      return status
    }
  }

  /// Sends a signal. False when the process has ended already.
  @discardableResult
  package func signal(_ signal: CInt) -> Bool { swiftlet_pidfd_send_signal(descriptor.raw, signal) >= 0 }

  /// Asks the process to end with SIGTERM, kills it `grace` seconds later, and reaps it.
  @discardableResult
  package func stop(grace: Double = 5) -> Status? {
    signal(SIGTERM)
    if let status = wait(timeout: grace) { return status }
    signal(SIGKILL)
    return wait()
  }
}

/// Polls one descriptor for reading; false after `timeout` seconds without.
func waitReadable(_ raw: CInt, timeout: Double?) -> Bool {
  let deadline = timeout.map { Time.monotonicSeconds + $0 }
  var entry = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
  while true {
    let count = poll(&entry, 1, Time.pollTimeout(until: deadline))
    if count > 0 { return true }
    if count == 0 || errno != EINTR { return false }
  }
}

/// A null-terminated array of C strings, as exec wants it.
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    pointers = .allocate(capacity: count + 1)
    for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
    pointers[count] = nil
  }

  deinit {
    for index in 0..<count { free(pointers[index]) }
    pointers.deallocate()
  }
}
