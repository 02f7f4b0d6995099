internal import Addressing
internal import Glibc
internal import Kubernetes
internal import Linux

extension PodLifecycle {
  /// Starts a hook of a running container; false if it has none.
  func startHook(_ moment: ContainerHook.Moment, _ name: String) -> Bool {
    guard let container = pod.runnableContainers.first(where: { $0.name == name }),
      let hook = ContainerHook(moment, container), let process = processes[name]?.identity
    else { return false }
    let kind = ContainerKind(container, podAnnotations: pod.annotations) { program in
      ContainerKind.programExists(program, searchPath: NodeServices.searchPath) { access($0, X_OK) == 0 }
    }
    let (action, note) = hook.effective(kind)
    if let note { tellOnce("hook/\(name)/\(moment.rawValue)", .normal, "HookReplaced", note, container: name) }
    let key = HookRunner.Key(uid: uid, container: name, process: process, moment: moment)
    services.hooks.run(key, runnable(action, name)) { [weak self] failure in self?.send(.hookEnded(key, failure)) }
    return true
  }

  private func runnable(_ action: ContainerHook.Action, _ name: String) -> HookRunner.Action {
    switch action {
    case .sleep(let seconds): return .sleep(seconds)
    case .unusable(let reason): return .fail(reason)
    case .exec(let command):
      guard
        let execution = directory.execution(
          of: command, in: name, pauseProgram: services.configuration.pauseProgram)
      else { return .fail("the pod's sandbox has ended") }
      return .execute(execution.arguments, environment: execution.environment)
    case .http(let host, let port, let path, let headers, let isTLS):
      let text = host == "localhost" ? "127.0.0.1" : host ?? compiler.podAddresses.first ?? ""
      guard let address = IPAddress(text) else {
        return .fail("host \"\(text)\" is no address; expected an IP address, or none for the pod's")
      }
      let agent = ProbeManifest.Header(name: "User-Agent", value: "kube-lifecycle/\(NodeServices.kubernetesVersion)")
      let request = ProbeRunner.request(
        host: address.description, port: port, path: path, headers: headers + [agent],
        kubeletVersion: NodeServices.kubernetesVersion)
      return .connect(address, port: port, request: isTLS ? [] : request)
    }
  }

  /// A hook has ended, with what went wrong or nil.
  func hookEnded(_ key: HookRunner.Key, _ failure: String?) {
    let name = key.container
    guard processes[name]?.identity == key.process else { return }
    if let failure {
      tell(
        .warning, "Failed\(key.moment.rawValue)Hook", "\(key.moment.rawValue) hook failed: \(failure)", container: name)
    }
    switch key.moment {
    case .preStop: if stops[name]?.stage == .hook { signalEnd(name) }
    case .postStart:
      guard failure == nil else {
        tell(.normal, "Killing", "Container \(name) failed its PostStart hook, will be killed", container: name)
        return stop(name, grace: pod.gracePeriod)
      }
      guard let container = pod.runnableContainers.first(where: { $0.name == name }), stops[name] == nil else { return }
      containerIsUp(container)
      startProbes(container)
    }
  }

  /// The container runs, and what was to be done after its start is done.
  func containerIsUp(_ container: ContainerManifest) {
    guard var state = record.containers[container.name] else { return }
    state.isStarted = container.probe(.startup) == nil
    state.isReady = state.isStarted && container.probe(.readiness) == nil
    record.containers[container.name] = state
  }

  // MARK: Ending

  /// Asks a container to end: its preStop hook comes first, then SIGTERM, and SIGKILL once `grace` seconds have passed. A
  /// shorter grace than before counts.
  func stop(_ name: String, grace: Double) {
    guard processes[name] != nil else { return }
    let deadline = Time.monotonicSeconds + grace
    if var running = stops[name] {
      // The same deadline, counted again by another clock, is not a shorter one.
      if deadline < running.deadline - 0.5 {
        running.deadline = deadline
        running.killAt = min(running.killAt, deadline)
        stops[name] = running
      }
    } else {
      services.hooks.cancel(uid: uid, container: name)
      let hasHook = grace > 0 && startHook(.preStop, name)
      stops[name] = ContainerStop(stage: .hook, hadHook: hasHook, deadline: deadline, killAt: .infinity)
      if !hasHook { signalEnd(name) }
    }
    enforceStops()
  }

  private func signalEnd(_ name: String) {
    guard var stop = stops[name] else { return }
    stop.stage = .signalled
    stop.killAt = stop.deadline
    if stop.hadHook { stop.killAt = max(stop.killAt, Time.monotonicSeconds + ContainerStop.leastGrace) }
    stops[name] = stop
    processes[name]?.signal(SIGTERM)
    enforceStops()
  }

  /// Goes on with what was asked to end and has not; asks to be called at the next deadline.
  func enforceStops() {
    let now = Time.monotonicSeconds
    for (name, stop) in stops where processes[name] != nil {
      switch stop.stage {
      case .hook where stop.deadline <= now:
        services.hooks.cancel(uid: uid, container: name)
        tell(
          .warning, "FailedPreStopHook", "PreStop hook had not ended when the container's grace was over",
          container: name)
        signalEnd(name)
      case .hook: wake(at: stop.deadline)
      case .signalled where stop.killAt <= now:
        killContainer(name)
        // Should the kill be without effect (a process in uninterruptible sleep), it is repeated.
        wake(after: 5)
      case .signalled: wake(at: stop.killAt)
      }
    }
  }

  func killContainer(_ name: String) {
    processes[name]?.signal(SIGKILL)
    if let group = services.controlGroup(uid, name) { _ = try? group.kill(timeout: 1) }
  }
}
