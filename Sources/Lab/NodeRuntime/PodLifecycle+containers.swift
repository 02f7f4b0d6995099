internal import CLinux
internal import Glibc
internal import JSON
internal import Kubernetes
internal import Linux
internal import StandIn

extension PodLifecycle {
  /// One step of one container: start it, start it again, or see that what was asked to end ends.
  func advance(_ container: ContainerManifest) {
    let name = container.name
    let state = record.containers[name, default: ContainerRecord()]
    switch state.state {
    case .running: enforceStops()
    case .starting: start(container)
    case .waiting:
      if let retry = configurationRetries[name], retry > Time.monotonicSeconds { return wake(at: retry) }
      if restartPause(state, since: state.last?.finishedAt) == nil { start(container) }
    case .terminated(let termination):
      let restarts = container.isSidecar || pod.restartPolicy.restarts(exitCode: termination.exitCode)
      guard restarts else { return }
      var next = state
      next.last = termination
      let ran = termination.finishedAt.since(termination.startedAt)
      next.backoffCount = services.configuration.restartBackoff.restarts(
        after: ran, earlierRestarts: state.backoffCount)
      next.state = .waiting("ContainerCreating", nil)
      record.containers[name] = next
      guard let pause = restartPause(next, since: termination.finishedAt) else { return start(container) }
      let message =
        "back-off \(duration(pause.whole)) restarting failed container=\(name) pod=\(pod.name)_\(pod.namespace)(\(uid))"
      record.containers[name]?.state = .waiting("CrashLoopBackOff", message)
      tell(
        .warning, "BackOff", "Back-off restarting failed container \(name) in pod \(pod.name)_\(pod.namespace)(\(uid))",
        container: name)
    }
  }

  /// How long a container still has to wait before it is started again; nil if it has not. Asks to be called then.
  private func restartPause(_ state: ContainerRecord, since end: Timestamp?) -> (whole: Double, left: Double)? {
    guard let end else { return nil }
    let whole = services.configuration.restartBackoff.delay(earlierRestarts: state.backoffCount)
    let left = whole - Timestamp.now().since(end)
    // More than the whole pause is left only where the clock was set back.
    guard left > 0, left <= whole else { return nil }
    wake(after: left)
    return (whole, left)
  }

  private func duration(_ seconds: Double) -> String {
    let whole = Int(seconds)
    if whole < 60 { return "\(whole)s" }
    return "\(whole / 60)m\(whole % 60)s"
  }

  private func start(_ container: ContainerManifest) {
    let name = container.name
    var state = record.containers[name, default: ContainerRecord()]
    let kind = ContainerKind(container, podAnnotations: pod.annotations) { program in
      ContainerKind.programExists(program, searchPath: NodeServices.searchPath) { access($0, X_OK) == 0 }
    }
    do {
      let environment = try knownEnvironment(container)
      let command = try command(container, kind, environment)
      state.containerID = randomID()
      state.state = .starting
      record.containers[name] = state
      try Files.remove(directory.identityFile(name))
      try Files.write(directory.environmentFile(name), JSON(stringMap: environment).bytes(), mode: 0o600)
      save()
      let process = try spawn(container, command, environment, awaitsReady: kind.isStandIn)
      if state.hasRunEver {
        state.restartCount += 1
        state.backoffCount += 1
      }
      state.state = .running(process.identity, since: .now())
      state.isStarted = false
      state.isReady = false
      record.containers[name] = state
      configurationRetries[name] = nil
      save()
      tell(.normal, "Created", "Created container: \(name)", container: name)
      tell(
        .normal, "Started", "Started container \(name) as \(kind.isStandIn ? "a stand-in" : "a command of the host")",
        container: name)
      follow(container, process)
    } catch let missing as EnvironmentResolver.Missing {
      wait(container, "CreateContainerConfigError", "\(missing)", retry: 2)
    } catch {
      wait(container, "CreateContainerError", "\(error)", retry: 2)
    }
  }

  /// Leaves a container waiting, with an Event when the reason is a new one.
  private func wait(_ container: ContainerManifest, _ reason: String, _ message: String, retry: Double) {
    var state = record.containers[container.name, default: ContainerRecord()]
    let new = ContainerRecord.State.waiting(reason, message)
    if state.state != new { tell(.warning, "Failed", "Error: \(message)", container: container.name) }
    state.state = new
    record.containers[container.name] = state
    configurationRetries[container.name] = Time.monotonicSeconds + retry
    wake(after: retry)
  }

  /// The program and its arguments inside the sandbox.
  private func command(
    _ container: ContainerManifest, _ kind: ContainerKind, _ environment: [String: String]
  ) throws -> [String] {
    switch kind {
    case .hostCommand(let words):
      guard !words.isEmpty else {
        throw EnvironmentResolver.Missing(
          description: "container \(container.name) has neither command nor args, which image \(container.image) needs")
      }
      return words.map { VariableExpansion.expand($0) { environment[$0] } }
    case .standIn(let ports):
      var options = StandInOptions()
      options.identity.namespace = pod.namespace
      options.identity.pod = pod.name
      options.identity.container = container.name
      options.identity.node = services.configuration.nodeName
      options.ports = ports
      options.readyDescriptor = 3
      return [services.configuration.pauseProgram, "stand-in"] + options.arguments
    }
  }

  private func spawn(
    _ container: ContainerManifest, _ command: [String], _ environment: [String: String], awaitsReady: Bool
  ) throws -> ProcessReference {
    guard let sandbox = record.sandbox?.process else { throw SandboxError(description: "the pod has no sandbox") }
    let name = container.name
    var options = EnterOptions(.process(sandbox.pid), command: command)
    options.identityFile = directory.identityFile(name)
    if awaitsReady == false { options.workingDirectory = container.object["workingDir"].string }
    if let group = services.controlGroup(uid, name) {
      try Files.makeDirectories(group.path)
      options.controlGroup = group.path
    }
    if record.containers[name]?.hasRunEver == true {
      services.logClock.leave(directory.logFile(name))
      LogKeeper.setAside(directory.logFile(name), as: directory.previousLogFile(name))
    }
    // The log is the container's own descriptor: it goes on when we do not. Appending makes cutting it safe.
    let log = try FileDescriptor.open(directory.logFile(name), O_WRONLY | O_CREAT | O_APPEND)
    services.logClock.follow(directory.logFile(name))
    var ends: [CInt] = [-1, -1]
    try checkedResult("pipe", swiftlet_pipe(&ends))
    let reader = FileDescriptor(owning: ends[0])
    let writer = FileDescriptor(owning: ends[1])
    let child = try ChildProcess(
      [services.configuration.pauseProgram, "enter"] + options.arguments, environment: environment,
      standardOutput: .descriptor(log.raw), standardError: .descriptor(log.raw),
      extraDescriptors: awaitsReady ? [writer.raw] : [], newSession: true)
    closeNow(writer)
    guard let identity = ProcessIdentity(pid: child.pid) else {
      child.signal(SIGKILL)
      throw SandboxError(description: "process \(child.pid) of container \(name) vanished")
    }
    // A stand-in says when it listens, so that its first probe finds it; one that fails is seen by its end.
    if awaitsReady { _ = awaitByte(reader.raw, timeout: 2) }
    return .child(child, identity)
  }

  /// Watches a running container and asks its probes.
  func follow(_ container: ContainerManifest, _ process: ProcessReference) {
    let name = container.name
    let identity = process.identity
    processes[name] = process
    services.watcher.watch(process) { [weak self] status in self?.send(.containerEnded(name, identity, status)) }
    if record.containers[name]?.isStarted != true, startHook(.postStart, name) { return }
    if record.containers[name]?.isStarted != true { containerIsUp(container) }
    startProbes(container)
  }

  /// A container's process has ended. Nil: how is not known, because an earlier runtime was its parent.
  func containerEnded(_ name: String, _ process: ProcessIdentity, _ status: ChildProcess.Status?) {
    guard var state = record.containers[name], case .running(let running, let since) = state.state, running == process
    else { return }
    services.probes.stop(uid: uid, container: name)
    // Whatever the container left running ends with it.
    do { try removeGroup(name) } catch { services.log("control group of \(pod.id)/\(name): \(error)") }
    processes[name] = nil
    services.hooks.cancel(uid: uid, container: name)
    stops[name] = nil
    let code = status.map { Int($0.shellCode) } ?? 255
    state.state = .terminated(
      ContainerRecord.Termination(
        exitCode: code, signal: nil,
        reason: status == nil ? "ContainerStatusUnknown" : code == 0 ? "Completed" : "Error",
        message: status == nil ? "how it ended is not known: the runtime that started it had ended before" : nil,
        startedAt: since, finishedAt: .now(), containerID: state.containerID))
    state.isReady = false
    state.isStarted = false
    record.containers[name] = state
  }
}

extension ContainerKind {
  var isStandIn: Bool { if case .standIn = self { true } else { false } }
}
