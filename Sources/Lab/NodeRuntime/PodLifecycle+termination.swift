internal import JSON
internal import Kubernetes
internal import Linux

extension PodLifecycle {
  /// One step towards the pod's end; true once nothing of it is left, neither here nor in the API.
  ///
  /// In this order: containers' preStop hooks, SIGTERM, SIGKILL; sidecars once the others have ended, the last one first
  /// (KEP-753); the network is taken, the sandbox ends; the object is deleted. All share one grace period.
  ///
  /// Readiness goes on being asked until a container has ended: a pod that ends but still serves is what a Service without
  /// any other endpoint falls back to (KEP-1669).
  func terminate() -> Bool {
    if record.terminatingSince == nil {
      record.terminatingSince = .now()
      for name in processes.keys.sorted() {
        tell(.normal, "Killing", "Stopping container \(name)", container: name)
      }
    }
    services.probes.stop(uid: uid, kind: .liveness)
    services.probes.stop(uid: uid, kind: .startup)
    let begun = record.terminatingSince ?? .now()
    // Without an object there is nobody who asked for patience.
    let grace = isGone ? min(1, pod.gracePeriod) : pod.gracePeriod
    let left = max(0, grace - max(0, Timestamp.now().since(begun)))
    for name in dueToEnd(isLate: left <= 0) { stop(name, grace: left) }
    if left > 0, !processes.isEmpty { wake(after: left) }
    enforceStops()
    guard processes.isEmpty else {
      publishStatus()
      return false
    }
    do {
      try destroySandbox()
      try removeGroup()
    } catch {
      retry("ending pod \(pod.id)", error)
      return false
    }
    guard record.detachments.isEmpty else {
      publishStatus()
      return false
    }
    if !isGone {
      if !isForeign { publishStatus() }
      do {
        try services.client.delete(
          .pods, namespace: pod.namespace, name: pod.name, DeleteOptions(gracePeriodSeconds: 0, uid: uid))
      } catch let refusal as APIStatus where refusal.isConflict {
        // The name belongs to another pod already.
      } catch {
        retry("deleting pod \(pod.id) from the API", error)
        return false
      }
    }
    do {
      try Files.removeTree(directory.path)
    } catch {
      retry("removing \(directory.path)", error)
      return false
    }
    return true
  }

  /// Containers that are to end now: all but sidecars, then sidecars one after another from the last; all when it is late.
  private func dueToEnd(isLate: Bool) -> [String] {
    let sidecars = pod.runnableContainers.filter(\.isSidecar).map(\.name)
    let others = processes.keys.filter { !sidecars.contains($0) }.sorted()
    if isLate { return processes.keys.sorted() }
    if !others.isEmpty { return others }
    return sidecars.last { processes[$0] != nil }.map { [$0] } ?? []
  }
}
