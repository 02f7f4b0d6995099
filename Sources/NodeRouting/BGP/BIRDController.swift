internal import CLinux
internal import Glibc
package import Linux
internal import Synchronization

/// Runs BIRD and keeps it on a configuration: checked first, then taken without touching sessions that stay the same. A
/// BIRD that runs already is adopted, so that an agent may come and go without a route changing; one that died is started
/// again.
package final class BIRDController: Sendable {
  /// What an update came to.
  package enum Outcome: Hashable, Sendable {
    /// BIRD ran with this configuration already.
    case unchanged
    case reconfigured
    case started
  }

  /// Why BIRD does not do what it is told.
  package enum Failure: Error, CustomStringConvertible {
    case badConfiguration(String)
    case notRunning(String)

    package var description: String {
      switch self {
      case .badConfiguration(let message): "BIRD refuses its new configuration and keeps the old one: \(message)"
      case .notRunning(let message): "BIRD does not run: \(message)"
      }
    }
  }

  /// Seconds that BIRD may take to open its control socket.
  private static let startTimeout = 20.0

  private let files: BIRDFiles
  private let program: String
  private let namespace: NetworkNamespace?
  private let process: Mutex<BIRDProcess?>
  private let control: BIRDControl

  /// Adopts a BIRD that an earlier controller started in this directory.
  ///
  /// - Parameters:
  ///   - directory: files and the control socket, made when BIRD is first started. A socket's path takes 107 bytes, so
  ///     this one 98.
  ///   - namespace: the network namespace it runs in; nil is the caller's own.
  package init(directory: String, program: String = "bird", namespace: NetworkNamespace? = nil) {
    files = BIRDFiles(directory: directory)
    self.program = program
    self.namespace = namespace
    control = BIRDControl(path: files.control)
    process = Mutex(BIRDProcess.adopt(files))
  }

  /// The process; nil while there is none.
  package var processID: Int32? { process.withLock { process in process.flatMap { $0.hasEnded ? nil : $0.pid } } }

  /// Where BIRD writes what happens.
  package var logPath: String { files.log }

  /// An earlier agent ran BIRD here.
  package var hasTraces: Bool { Files.exists(files.directory) }

  /// Makes BIRD run this configuration. Throws `Failure` with BIRD's own words, and then it keeps what it had.
  ///
  /// - Parameter isRecovery: asked where BIRD has to be started: the kernel holds routes of an earlier one.
  @discardableResult
  package func apply(
    isRecovery: () throws -> Bool, _ make: (_ logPath: String) -> BIRDConfiguration
  ) throws -> Outcome {
    let configuration = make(files.log)
    return try process.withLock { try converge(&$0, configuration, isRecovery) }
  }

  private func converge(
    _ process: inout BIRDProcess?, _ configuration: BIRDConfiguration, _ isRecovery: () throws -> Bool
  ) throws -> Outcome {
    if process?.hasEnded == false, let fingerprint = try fingerprint() {
      if fingerprint == configuration.fingerprint { return .unchanged }
      try write(configuration)
      let check = try control.ask("configure check \"\(files.candidate)\"")
      if check.isFailure { throw Failure.badConfiguration(check.message) }
      try commit()
      let reply = try control.ask("configure")
      if reply.isFailure { throw Failure.badConfiguration(reply.message) }
      return .reconfigured
    }
    // Without its socket it can be told nothing any more.
    process?.stop()
    try Files.makeDirectories(files.directory, mode: 0o700)
    try write(configuration)
    try checkAlone()
    try commit()
    let started = try BIRDProcess.start(files, program: program, namespace: namespace, isRecovery: isRecovery())
    process = started
    try waitUntilReady(started)
    return .started
  }

  /// What BIRD says of its protocols. From any thread; throws where BIRD does not run.
  package func protocols() throws -> [BIRDProtocol] {
    guard processID != nil else { throw Failure.notRunning(BIRDProcess.outputTail(files)) }
    return BIRDProtocol.all(in: try control.ask("show protocols all"))
  }

  /// Has BIRD put every route into the kernel again that belongs there.
  package func restoreKernelRoutes() throws {
    for name in BIRDConfiguration.kernelNames {
      let reply = try control.ask("reload out \(name)")
      if reply.isFailure { throw Failure.notRunning("\"reload out \(name)\" failed: \(reply.message)") }
    }
  }

  /// BIRD's version; nil while it does not run.
  package var version: String? { processID == nil ? nil : try? control.version() }

  /// What BIRD runs now; nil if its socket is gone.
  private func fingerprint() throws -> String? {
    do {
      let reply = try control.ask("show protocols all \(BIRDConfiguration.markName)")
      return BIRDProtocol.all(in: reply).first?.details["Description"] ?? ""
    } catch let error as SystemError where error.code == ENOENT || error.code == ECONNREFUSED {
      return nil
    }
  }

  /// It holds passwords, so nobody else may read it.
  private func write(_ configuration: BIRDConfiguration) throws(SystemError) {
    try Files.write(files.candidate, configuration.text, mode: 0o600)
  }

  private func commit() throws(SystemError) {
    let files = files
    try check("rename \(files.candidate)") { rename(files.candidate, files.configuration) }
  }

  private func checkAlone() throws {
    let result = try runCheck()
    if result.status.isSuccess { return }
    let lines = result.errorOutput.split(separator: "\n")
    throw Failure.badConfiguration(lines.isEmpty ? "\(result.status)" : lines.joined(separator: "; "))
  }

  private func runCheck() throws -> ChildProcess.Result {
    do {
      return try ChildProcess.run([program, "-p", "-c", files.candidate], limit: 1 << 16, timeout: 60)
    } catch {
      guard error.code == ENOENT else { throw error }
      throw Failure.notRunning("there is no program \(program); install BIRD 2 (apt-get install bird2)")
    }
  }

  private func waitUntilReady(_ process: BIRDProcess) throws {
    let deadline = Time.monotonicSeconds + Self.startTimeout
    while Time.monotonicSeconds < deadline, !process.hasEnded {
      if (try? control.version()) != nil { return }
      usleep(10_000)
    }
    throw Failure.notRunning(BIRDProcess.outputTail(files))
  }

  /// Calls once, on a thread of its own, when the process that runs now has ended; not if `cancel` is signalled before.
  package func whenEnded(cancel: EventSignal, _ body: @escaping @Sendable () -> Void) -> Linux.Thread? {
    guard let process = process.withLock({ $0 }) else { return nil }
    return Linux.Thread("bird-monitor") {
      // The process is held for as long as its descriptor is polled.
      withExtendedLifetime(process) { if cancel.wait(or: process.descriptor) { body() } }
    }
  }

  /// Ends BIRD and removes its files; routes it put into the kernel stay there.
  package func stop() throws(SystemError) {
    process.withLock { process in
      process?.stop()
      process = nil
    }
    try Files.removeTree(files.directory)
  }
}
