internal import CLinux
internal import Glibc
package import Linux

/// Keeps the lab's processes running: starts them, starts them again when they end, and takes over those that still run
/// when it is itself started again. A SIGHUP makes it read again which processes there are to be.
///
/// A SIGTERM ends the supervisor alone; the processes go on. Everything belongs to the thread that calls `run`.
package final class Supervisor {
  private enum Running {
    case child(ChildProcess)
    /// Started by an earlier supervisor.
    case adopted(ProcessHandle)

    var descriptor: CInt {
      switch self {
      case .child(let child): child.descriptor.raw
      case .adopted(let handle): handle.descriptor.raw
      }
    }
  }

  private final class Slot {
    var process: ManagedProcess
    /// No longer wanted.
    var isRemoved = false
    /// Ended by us, to be started with another command line.
    var isRestarting = false
    var running: Running?
    var entry: ProcessTable.Entry?
    var backoff = SupervisorBackoff()
    var startedAt = 0.0

    init(_ process: ManagedProcess) { self.process = process }
  }

  private let site: LabSite
  private let apiPort: Int
  private let load: () throws -> [ManagedProcess]
  private var slots: [Slot] = []
  private let loop: EventLoop
  private let log: Log
  private var listener: ListenerBox?

  private final class ListenerBox {
    let descriptor: FileDescriptor
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
  }

  /// `load` tells which processes there are to be, now and at each SIGHUP.
  package init(
    site: LabSite, apiPort: Int, log: Log, load: @escaping () throws -> [ManagedProcess]
  ) throws {
    self.site = site
    self.apiPort = apiPort
    self.log = log
    self.load = load
    slots = try load().map(Slot.init)
    loop = try EventLoop()
  }

  /// Runs until SIGTERM or SIGINT; the caller has blocked them and SIGHUP.
  package func run() throws(SystemError) {
    let before = ProcessTable(path: site.processesFile)
    try loop.handle(signals: [SIGTERM, SIGINT, SIGHUP]) { [self] signal in
      if signal == SIGHUP { return reload() }
      log.info("signal \(signal): the supervisor ends, the processes go on")
      loop.stop()
    }
    for slot in slots {
      if let entry = before?.processes[slot.process.name], let handle = ProcessHandle(entry.identity) {
        log.info("\(slot.process.name): found running as process \(handle.pid)")
        watch(slot, .adopted(handle), entry)
      } else {
        startWhenReady(slot)
      }
    }
    writeTable()
    try loop.run()
  }

  /// Processes that are no longer wanted are killed, as a machine that is switched off would end them; those with another
  /// command line are asked to end and started anew; new ones are started.
  private func reload() {
    let wanted: [ManagedProcess]
    do { wanted = try load() } catch {
      return log.error("the configuration cannot be read, all stays as it is: \(error)")
    }
    for slot in slots where !wanted.contains(where: { $0.name == slot.process.name }) {
      log.info("\(slot.process.name): no longer wanted")
      slot.isRemoved = true
      signal(slot, SIGKILL)
    }
    slots.removeAll { $0.isRemoved }
    for process in wanted {
      guard let slot = slots.first(where: { $0.process.name == process.name }) else {
        let slot = Slot(process)
        slots.append(slot)
        startWhenReady(slot)
        continue
      }
      guard slot.process != process else { continue }
      log.info("\(process.name): started anew with another command line")
      slot.process = process
      slot.isRestarting = slot.running != nil
      signal(slot, SIGTERM)
      loop.schedule(after: Self.grace) { [self] in if slot.isRestarting { signal(slot, SIGKILL) } }
    }
    writeTable()
  }

  /// Seconds a process has to end when it is asked to.
  private static let grace = 5.0

  private func signal(_ slot: Slot, _ signal: CInt) {
    switch slot.running {
    case .child(let child): child.signal(signal)
    case .adopted(let handle): handle.signal(signal)
    case nil: break
    }
  }

  private func startWhenReady(_ slot: Slot) {
    if slot.isRemoved { return }
    if slot.process.requires.allSatisfy(Files.exists) {
      start(slot)
    } else {
      loop.schedule(after: 0.05) { [self] in startWhenReady(slot) }
    }
  }

  private func start(_ slot: Slot) {
    if slot.isRemoved { return }
    slot.isRestarting = false
    let process = slot.process
    do {
      let output = try FileDescriptor.open(site.logFile(process.name), O_WRONLY | O_CREAT | O_APPEND)
      let child = try ChildProcess(
        process.argv, standardOutput: .descriptor(output.raw), standardError: .descriptor(output.raw),
        extraDescriptors: try extraDescriptors(process),
        namespace: try NetworkNamespace(path: site.namespacePath(process.node)), newSession: true)
      if process.node != Topology.fabric {
        try ControlGroup.create("\(site.controlGroup)/nodes/\(process.node)").add(child.pid)
      }
      log.info("\(process.name): started as process \(child.pid)")
      guard let identity = ProcessIdentity(pid: child.pid) else {
        // Gone and not reaped yet would still have an identity: only a missing /proc leads here.
        throw SystemError("read /proc/\(child.pid)/stat", code: ESRCH)
      }
      let restarts = slot.entry.map { $0.restarts + 1 } ?? 0
      watch(slot, .child(child), ProcessTable.Entry(identity: identity, restarts: restarts))
    } catch {
      log.error("\(process.name): cannot be started: \(error)")
      slot.startedAt = Time.monotonicSeconds
      restartLater(slot)
    }
    writeTable()
  }

  private func extraDescriptors(_ process: ManagedProcess) throws(SystemError) -> [CInt] {
    guard process.inheritsListener else { return [] }
    if listener == nil { listener = ListenerBox(try LoopbackListener.open(port: apiPort)) }
    return listener.map { [$0.descriptor.raw] } ?? []
  }

  private func watch(_ slot: Slot, _ running: Running, _ entry: ProcessTable.Entry) {
    slot.running = running
    slot.entry = entry
    slot.startedAt = Time.monotonicSeconds
    do {
      try loop.add(running.descriptor, .readable) { [self] _ in ended(slot) }
    } catch {
      log.warning("\(slot.process.name): cannot be watched, its end will go unnoticed: \(error)")
    }
  }

  private func ended(_ slot: Slot) {
    guard let running = slot.running else { return }
    loop.remove(running.descriptor)
    let status: String
    switch running {
    case .child(let child): status = child.wait()?.description ?? "unknown status"
    case .adopted: status = "unknown status (it was not this supervisor's child)"
    }
    slot.running = nil
    if slot.isRemoved { return log.info("\(slot.process.name): ended with \(status)") }
    if slot.isRestarting { return start(slot) }
    let delay = restartLater(slot)
    log.warning("\(slot.process.name): ended with \(status), will be started again in \(delay) s")
    writeTable()
  }

  @discardableResult
  private func restartLater(_ slot: Slot) -> Double {
    let delay = slot.backoff.delay(afterRunOf: Time.monotonicSeconds - slot.startedAt)
    loop.schedule(after: delay) { [self] in start(slot) }
    return delay
  }

  private func writeTable() {
    var table = ProcessTable()
    table.supervisor = ProcessIdentity(pid: getpid())
    for slot in slots { table.processes[slot.process.name] = slot.entry }
    do { try table.write(site.processesFile) } catch { log.error("cannot write the table of processes: \(error)") }
  }
}
