internal import Addressing
internal import Glibc
internal import Kubernetes
internal import Linux
internal import StandIn

extension PodLifecycle {
  /// Starts the probes a running container is due: the startup probe alone until it has succeeded, then the others.
  func startProbes(_ container: ContainerManifest) {
    guard let state = record.containers[container.name] else { return }
    if state.isStarted {
      startProbe(.readiness, container)
      startProbe(.liveness, container)
    } else {
      startProbe(.startup, container)
    }
  }

  private func startProbe(_ kind: ProbeKind, _ container: ContainerManifest) {
    guard let probe = container.probe(kind), let state = record.containers[container.name],
      case .running(let process, let since) = state.state
    else { return }
    let containerKind = ContainerKind(container, podAnnotations: pod.annotations) { program in
      ContainerKind.programExists(program, searchPath: NodeServices.searchPath) { access($0, X_OK) == 0 }
    }
    let (check, note) = probe.effective(containerKind)
    if let note {
      tellOnce("probe/\(container.name)/\(kind.rawValue)", .normal, "ProbeReplaced", note, container: container.name)
    }
    let key = ProbeRunner.Key(uid: uid, container: container.name, process: process, kind: kind)
    let delay = max(0, probe.initialDelay - max(0, Timestamp.now().since(since)))
    // A container that was ready before a restart of the runtime stays so until it fails.
    let initial: Bool? = kind == .readiness ? (state.isReady ? true : nil) : kind == .liveness ? true : nil
    services.probes.start(key, probe, action(check, container), delay: delay, initial: initial) { [weak self] report in
      self?.send(.probed(report))
    }
  }

  private func action(_ check: ProbeManifest.Check?, _ container: ContainerManifest) -> ProbeRunner.Action {
    func address(_ host: String?) -> IPAddress? {
      if let host { return host == "localhost" ? IPAddress("127.0.0.1") : IPAddress(host) }
      return compiler.podAddresses.first.flatMap { IPAddress($0) }
    }
    func unknown(_ host: String?) -> ProbeRunner.Action {
      .constant(false, message: "host \"\(host ?? "")\" is no address; expected an IP address, or none for the pod's")
    }
    switch check {
    case nil: return .constant(true, message: "")
    case .http(let host, let port, let path, let headers):
      guard let address = address(host) else { return unknown(host) }
      let request = ProbeRunner.request(
        host: address.description, port: port, path: path, headers: headers,
        kubeletVersion: NodeServices.kubernetesVersion)
      return .connect(address, port: port, request: request)
    case .tcp(let host, let port), .https(let host, let port):
      guard let address = address(host) else { return unknown(host) }
      return .connect(address, port: port, request: [])
    case .grpc(let port):
      guard let address = address(nil) else { return unknown(nil) }
      return .connect(address, port: port, request: [])
    case .exec(let command):
      guard
        let execution = directory.execution(
          of: command, in: container.name, pauseProgram: services.configuration.pauseProgram)
      else { return .constant(false, message: "the pod's sandbox has ended") }
      return .execute(execution.arguments, environment: execution.environment)
    case .unusable(let reason): return .constant(false, message: reason)
    }
  }

  /// A probe was asked.
  func probed(_ report: ProbeRunner.Report) {
    let name = report.key.container
    guard let container = pod.runnableContainers.first(where: { $0.name == name }),
      var state = record.containers[name], state.process == report.key.process
    else { return }
    let kind = report.key.kind
    if !report.success {
      tell(.warning, "Unhealthy", "\(kind.rawValue) probe failed: \(report.message)", container: name)
    }
    // What is restarted does not become ready before; a pod that ends is asked to its end, as on any node: Services without
    // a ready endpoint may still send to it.
    guard report.isChange, stops[name] == nil || record.terminatingSince != nil, let isSuccessful = report.isSuccessful
    else { return }
    switch (kind, isSuccessful) {
    case (.readiness, _): state.isReady = isSuccessful
    case (.startup, true):
      services.probes.stop(uid: uid, container: name, kind: .startup)
      state.isStarted = true
      state.isReady = container.probe(.readiness) == nil
      record.containers[name] = state
      return startProbes(container)
    case (.startup, false), (.liveness, false):
      tell(
        .normal, "Killing",
        "Container \(name) failed \(kind.rawValue.lowercased()) probe, will be restarted", container: name)
      services.probes.stop(uid: uid, container: name)
      state.isReady = false
      record.containers[name] = state
      return stop(name, grace: container.probe(kind)?.gracePeriod ?? pod.gracePeriod)
    case (.liveness, true): return
    }
    record.containers[name] = state
  }
}
