internal import Glibc
internal import Linux

/// HAProxy's master process: our child, or one that an earlier controller started.
final class HAProxyProcess: Sendable {
  private let handle: ProcessHandle
  /// nil for an adopted process, which is not ours to reap.
  private let child: ChildProcess?

  private init(_ handle: ProcessHandle, child: ChildProcess?) {
    self.handle = handle
    self.child = child
  }

  var pid: Int32 { handle.pid }
  var descriptor: CInt { handle.descriptor.raw }
  var hasEnded: Bool { handle.hasEnded }

  private static func identityPath(_ configuration: HAProxyController.Configuration) -> String {
    "\(configuration.directory)/process"
  }
  private static func logPath(_ configuration: HAProxyController.Configuration) -> String {
    "\(configuration.directory)/haproxy.log"
  }

  /// The process that is noted in the directory, if it still runs.
  static func adopt(_ configuration: HAProxyController.Configuration) -> HAProxyProcess? {
    guard let text = try? Files.readText(identityPath(configuration)) else { return nil }
    let fields = text.split(whereSeparator: \.isWhitespace)
    guard fields.count == 2, let pid = CInt(fields[0]), let startTime = UInt64(fields[1]),
      let handle = ProcessHandle(ProcessIdentity(pid: pid, startTime: startTime))
    else { return nil }
    return HAProxyProcess(handle, child: nil)
  }

  /// Starts HAProxy in master-worker mode on the files in the directory.
  static func start(_ configuration: HAProxyController.Configuration) throws -> HAProxyProcess {
    let directory = configuration.directory
    let log = try FileDescriptor.open(logPath(configuration), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, mode: 0o600)
    for socket in ["master.sock", "runtime.sock"] { try Files.remove("\(directory)/\(socket)") }
    let child = try ChildProcess(
      [configuration.program, "-W", "-S", "\(directory)/master.sock,mode,600", "-f", "\(directory)/haproxy.cfg"],
      standardOutput: .descriptor(log.raw), standardError: .descriptor(log.raw),
      namespace: configuration.networkNamespace, newSession: true)
    guard let handle = ProcessHandle(pid: child.pid) else {
      child.wait()
      throw HAProxyController.Failure.notRunning(logTail(configuration))
    }
    try Files.write(identityPath(configuration), "\(handle.pid) \(handle.identity.startTime)\n")
    return HAProxyProcess(handle, child: child)
  }

  /// Ends the master and with it its workers.
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

  /// The last lines HAProxy wrote.
  static func logTail(_ configuration: HAProxyController.Configuration) -> String {
    guard let text = try? Files.readText(logPath(configuration)) else { return "it wrote nothing" }
    let lines = text.split(separator: "\n").filter { $0.contains("ALERT") || $0.contains("WARNING") }
    return lines.isEmpty ? text.trimmed : lines.suffix(5).joined(separator: "; ")
  }
}
