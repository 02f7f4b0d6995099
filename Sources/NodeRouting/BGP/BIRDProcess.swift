internal import Glibc
internal import Linux

/// BIRD's process: our child, or one that an earlier agent started.
final class BIRDProcess: Sendable {
  private let handle: ProcessHandle
  /// nil for an adopted process, which is not ours to reap.
  private let child: ChildProcess?

  private init(_ handle: ProcessHandle, child: ChildProcess?) {
    self.handle = handle
    self.child = child
  }

  var pid: Int32 { handle.pid }
  /// Readable once it has ended.
  var descriptor: CInt { handle.descriptor.raw }
  var hasEnded: Bool { handle.hasEnded }

  /// The process that is noted in the file, or that answers on the control socket, if it still runs.
  static func adopt(_ files: BIRDFiles) -> BIRDProcess? {
    if let text = try? Files.readText(files.process) {
      let fields = text.split(whereSeparator: \.isWhitespace)
      if fields.count == 2, let pid = CInt(fields[0]), let startTime = UInt64(fields[1]),
        let handle = ProcessHandle(ProcessIdentity(pid: pid, startTime: startTime))
      {
        return BIRDProcess(handle, child: nil)
      }
    }
    // An agent that was killed before it could note the process.
    guard let pid = listener(files.control), let handle = ProcessHandle(pid: pid) else { return nil }
    return BIRDProcess(handle, child: nil)
  }

  private static func listener(_ path: String) -> CInt? {
    do {
      let socket = try UnixSocket.connect(path, timeout: 1)
      return UnixSocket.peer(socket.raw)
    } catch {
      return nil
    }
  }

  /// Starts BIRD in the foreground, in a session of its own, so that it outlives the agent.
  ///
  /// - Parameter isRecovery: what an earlier BIRD put into the kernel stays until all neighbours have told everything
  ///   again (RFC 4724), for half a minute at most, in which nothing new is put there.
  static func start(
    _ files: BIRDFiles, program: String, namespace: NetworkNamespace?, isRecovery: Bool
  ) throws -> BIRDProcess {
    let output = try FileDescriptor.open(files.output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode: 0o600)
    try Files.remove(files.control)
    let child = try ChildProcess(
      [program, "-f", "-c", files.configuration, "-s", files.control] + (isRecovery ? ["-R"] : []),
      standardOutput: .descriptor(output.raw),
      standardError: .descriptor(output.raw), namespace: namespace, newSession: true)
    guard let handle = ProcessHandle(pid: child.pid) else {
      child.wait()
      throw BIRDController.Failure.notRunning(outputTail(files))
    }
    try Files.write(files.process, "\(handle.pid) \(handle.identity.startTime)\n")
    return BIRDProcess(handle, child: child)
  }

  /// Ends it in peace: its neighbours are told, and take its routes away.
  func stop() {
    handle.signal(SIGTERM)
    if !handle.wait(timeout: 5) {
      handle.signal(SIGKILL)
      _ = handle.wait(timeout: 5)
    }
    child?.wait()
  }

  deinit {
    if hasEnded { child?.wait() }
  }

  /// The last lines it wrote before it had its log.
  static func outputTail(_ files: BIRDFiles) -> String {
    let text = (try? Files.readText(files.output)) ?? ""
    let lines = text.split(separator: "\n").suffix(5)
    return lines.isEmpty ? "it wrote nothing" : lines.joined(separator: "; ")
  }
}

/// Where BIRD's files are.
struct BIRDFiles: Sendable {
  let directory: String
  var configuration: String { "\(directory)/bird.conf" }
  var candidate: String { "\(directory)/bird.conf.new" }
  var control: String { "\(directory)/bird.ctl" }
  var process: String { "\(directory)/process" }
  var log: String { "\(directory)/bird.log" }
  var output: String { "\(directory)/bird.out" }
}
