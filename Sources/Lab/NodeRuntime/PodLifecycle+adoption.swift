internal import Glibc
internal import Kubernetes
internal import Linux
internal import StandIn

extension PodLifecycle {
  /// Goes on with what an earlier runtime left: processes that still run are watched and probed as before, those that
  /// ended meanwhile are recorded, and what was half made is removed.
  func adopt() {
    adoptSandbox()
    for container in pod.runnableContainers {
      guard var state = record.containers[container.name] else { continue }
      let identity: ProcessIdentity
      switch state.state {
      case .running(let process, _): identity = process
      case .starting:
        guard let process = awaitIdentity(directory.identityFile(container.name)) else {
          state.state = .waiting("ContainerCreating", nil)
          record.containers[container.name] = state
          continue
        }
        // It was started, and the record of it lost.
        if state.hasRunEver { state.restartCount += 1 }
        identity = process
        state.state = .running(process, since: .now())
        state.isStarted = false
        state.isReady = false
        record.containers[container.name] = state
      case .waiting, .terminated: continue
      }
      services.logClock.follow(directory.logFile(container.name))
      if let handle = ProcessHandle(identity) {
        follow(container, .adopted(handle))
      } else {
        containerEnded(container.name, identity, nil)
      }
    }
    save()
  }

  private func adoptSandbox() {
    guard let sandbox = record.sandbox else { return }
    guard let identity = sandbox.process ?? awaitIdentity(directory.sandboxIdentityFile) else { return }
    guard let handle = ProcessHandle(identity) else { return }
    record.sandbox?.process = identity
    let process = ProcessReference.adopted(handle)
    sandboxProcess = process
    watchSandbox(process)
  }

  /// A process writes its identity file itself, right after its start: one that was started in the very moment the earlier
  /// runtime ended may need a little longer than we.
  private func awaitIdentity(_ path: String) -> ProcessIdentity? {
    for _ in 0..<10 {
      if let identity = IdentityFile.read(path) { return identity }
      usleep(50_000)
    }
    return nil
  }
}
