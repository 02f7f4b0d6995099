internal import JSON
internal import Kubernetes
internal import Linux

extension PodLifecycle {
  /// One step towards the pod's end; true once nothing of it is left, neither here nor in the API.
  ///
  /// In this order: readiness is withdrawn, containers are asked to end, then killed; the network is taken, the sandbox
  /// ends; the object is deleted.
  func terminate() -> Bool {
    if record.terminatingSince == nil {
      record.terminatingSince = .now()
      services.probes.stop(uid: uid)
      for name in record.containers.keys { record.containers[name]?.isReady = false }
      // No Service sends anything more to a pod that is about to be told to end.
      publishStatus()
      for name in processes.keys.sorted() {
        tell(.normal, "Killing", "Stopping container \(name)", container: name)
      }
    }
    let begun = record.terminatingSince ?? .now()
    // Without an object there is nobody who asked for patience.
    let grace = isGone ? min(1, pod.gracePeriod) : pod.gracePeriod
    for name in processes.keys { stop(name, grace: max(0, grace - max(0, Timestamp.now().since(begun)))) }
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
      publishStatus()
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
}
