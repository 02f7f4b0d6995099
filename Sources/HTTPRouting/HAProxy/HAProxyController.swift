internal import CLinux
package import ClusterModel
internal import Glibc
package import Linux
internal import Synchronization

/// Runs HAProxy and keeps it on the routes: through its runtime sockets where they can, by a reload that loses no
/// connection where they cannot. A process that runs already is adopted; one that dies is started again; a new agent
/// disturbs nothing.
package final class HAProxyController: Sendable {
  /// What an update came to.
  package enum Outcome: Hashable, Sendable {
    /// HAProxy held these routes already.
    case unchanged
    /// So many commands over the runtime socket, and no new process.
    case changed(commands: Int)
    case reloaded
    case started
  }

  struct State {
    var process: HAProxyProcess?
    /// What HAProxy should hold; nil before the first routes.
    var files: HAProxyFiles?
    var routes = HTTPRoutes()
    /// What HAProxy said of certificates, by their bytes; nil for good ones.
    var certificateChecks: [[UInt8]: String?] = [:]
    var monitor: Linux.Thread?
    var isStopped = false
  }

  let configuration: Configuration
  private let state = Mutex(State())
  /// Readable once the monitor should end.
  private let wake: EventSignal
  private let report: @Sendable (String) -> Void

  var runtime: RuntimeSocket { RuntimeSocket(path: "\(configuration.directory)/runtime.sock") }
  var master: RuntimeSocket { RuntimeSocket(path: "\(configuration.directory)/master.sock") }

  /// Prepares the directory and adopts a HAProxy that an earlier controller started there. `report` is told in one line
  /// what happens outside of calls: a process that ended, certificates that are refused.
  package init(_ configuration: Configuration, report: @escaping @Sendable (String) -> Void) throws(SystemError) {
    self.configuration = configuration
    self.report = report
    wake = try EventSignal()
    try Files.makeDirectories("\(configuration.directory)/certificates", mode: 0o700)
    if let process = HAProxyProcess.adopt(configuration) {
      state.withLock { $0.process = process }
    }
  }

  /// The master process; nil while there is none.
  package var processID: Int32? { state.withLock { $0.process?.pid } }

  /// The worker that serves now; nil while there is none.
  package var workerID: Int32? {
    guard let info = try? runtime.send("show info"), let range = info.firstRange(of: "Pid: ") else { return nil }
    return Int32(info[range.upperBound...].prefix { $0.isNumber })
  }

  /// Makes HAProxy hold exactly these routes, starting it if need be.
  ///
  /// Throws `Failure` with HAProxy's own words, in which case it keeps what it had, or `SystemError`.
  @discardableResult
  package func apply(_ routes: HTTPRoutes) throws -> Outcome {
    try state.withLock { state in
      var files = HAProxyFiles(routes, configuration)
      removeBadCertificates(&files, &state)
      let previous = state.files
      state.routes = routes
      state.files = files
      do {
        return try converge(&state, files)
      } catch {
        state.files = previous ?? files
        throw error
      }
    }
  }

  /// A Service or its endpoints changed: brings its backends up to date, and only those. Routes that need more than that
  /// (a port came or went) need `apply`.
  @discardableResult
  package func update(service: ServiceWithEndpoints) throws -> Outcome {
    try state.withLock { state in
      guard var files = state.files, state.process?.hasEnded == false else { return .unchanged }
      var commands = 0
      for id in state.routes.backends.keys where id.service == service.service.id {
        guard let endpoints = RouteCompiler.endpoints(of: id, service), endpoints != state.routes.backends[id] else {
          continue
        }
        let name = HAProxyFiles.name(.backend(id))
        commands += try converge(backend: name, endpoints)
        state.routes.backends[id] = endpoints
        files.backends[name] = endpoints
      }
      state.files = files
      return commands == 0 ? .unchanged : .changed(commands: commands)
    }
  }

  /// Brings HAProxy to what is wanted: by commands if the process has the same frame and every backend, else by a new
  /// process.
  private func converge(_ state: inout State, _ files: HAProxyFiles) throws -> Outcome {
    defer { watch(&state) }
    guard let process = state.process, !process.hasEnded else {
      try write(files)
      try checkConfiguration()
      state.process = try HAProxyProcess.start(configuration)
      try waitForWorker(files, state.process, after: nil)
      return .started
    }
    let info = (try? runtime.send("show info")) ?? ""
    if RuntimeState.fingerprint(info) == files.fingerprint,
      RuntimeState.backends(try runtime.send("show backend")).isSuperset(of: files.backends.keys)
    {
      do {
        let commands = try convergeRuntime(files)
        if commands > 0 { try write(files) }
        return commands == 0 ? .unchanged : .changed(commands: commands)
      } catch let failure as Failure {
        report("\(failure); reloading instead")
      }
    }
    let worker = workerID
    try write(files)
    try checkConfiguration()
    try reload()
    try waitForWorker(files, process, after: worker)
    return .reloaded
  }

  /// Tells the master, which begins to listen only after its worker serves: a reload may come before that.
  private func reload() throws(SystemError) {
    let deadline = Time.monotonicSeconds + 10
    while true {
      do {
        _ = try master.send("reload")
        return
      } catch {
        guard error.code == ECONNREFUSED, Time.monotonicSeconds < deadline else { throw error }
        usleep(5_000)
      }
    }
  }

  /// Waits until a worker serves this configuration; `after` is the one it replaces.
  private func waitForWorker(_ files: HAProxyFiles, _ process: HAProxyProcess?, after: Int32?) throws {
    let deadline = Time.monotonicSeconds + 20
    while Time.monotonicSeconds < deadline {
      if process?.hasEnded ?? true { break }
      if let info = try? runtime.send("show info"), RuntimeState.fingerprint(info) == files.fingerprint,
        let worker = workerID, worker != after
      {
        return
      }
      usleep(10_000)
    }
    throw Failure.notRunning(HAProxyProcess.logTail(configuration))
  }

  // MARK: watching

  /// Starts the thread that starts HAProxy again when it ends.
  private func watch(_ state: inout State) {
    guard state.monitor == nil, !state.isStopped, state.process != nil else { return }
    state.monitor = Linux.Thread("haproxy-monitor") { [self] in monitor() }
  }

  private func monitor() {
    var pause = 0.0
    while true {
      guard let process = state.withLock({ $0.isStopped ? nil : $0.process }) else { return }
      var entries = [pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0)]
      if !process.hasEnded { entries.append(pollfd(fd: process.descriptor, events: Int16(POLLIN), revents: 0)) }
      poll(&entries, nfds_t(entries.count), entries.count == 1 ? CInt(pause * 1000) : -1)
      if entries[0].revents != 0 { return }
      guard process.hasEnded else { continue }
      let (failure, isCurrent) = state.withLock { state -> (String?, Bool) in
        guard !state.isStopped, state.process === process, let files = state.files else { return (nil, false) }
        do {
          try write(files)
          try checkConfiguration()
          let process = try HAProxyProcess.start(configuration)
          state.process = process
          try waitForWorker(files, process, after: nil)
          return (nil, true)
        } catch {
          return ("\(error)", true)
        }
      }
      guard isCurrent else { continue }
      report("HAProxy ended and \(failure.map { "does not start again: \($0)" } ?? "was started again")")
      pause = failure == nil ? 0 : min(max(pause * 2, 0.5), 10)
    }
  }

  // MARK: ending

  /// Ends HAProxy and removes its sockets and files.
  package func stop() {
    let process = end()
    process?.stop()
    try? Files.removeTree(configuration.directory)
  }

  /// Leaves HAProxy running for the next controller.
  package func detach() { _ = end() }

  private func end() -> HAProxyProcess? {
    let (process, monitor) = state.withLock { state -> (HAProxyProcess?, Linux.Thread?) in
      state.isStopped = true
      defer { state.monitor = nil }
      return (state.process, state.monitor)
    }
    wake.signal()
    monitor?.join()
    return process
  }

  /// Leaves out certificates that HAProxy cannot use: one broken Secret must not take the others down.
  private func removeBadCertificates(_ files: inout HAProxyFiles, _ state: inout State) {
    var checks: [[UInt8]: String?] = [:]
    for (name, certificate) in files.certificates.sorted(by: { $0.key < $1.key }) {
      let known = state.certificateChecks[certificate.pem]
      let problem = known ?? checkCertificate(certificate.pem)
      checks[certificate.pem] = .some(problem)
      if let problem {
        if known == nil { report("certificate \(name) is left out: \(problem)") }
        files.certificates[name] = nil
      }
    }
    state.certificateChecks = checks
  }
}
