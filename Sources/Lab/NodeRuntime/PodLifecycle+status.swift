internal import JSON
internal import Kubernetes

extension PodLifecycle {
  /// Reports the pod's status if it has changed. A failure is logged and tried again.
  func publishStatus() {
    guard !isGone else { return }
    let previous = observed["status"]
    let status = compiler.compile(previous: previous)
    // A server may store a status in another form than it was sent: what was sent once is not sent again, unless somebody
    // said otherwise about the pod's readiness, as the control plane does when the node was silent.
    func readiness(_ status: JSON) -> [JSON] {
      ["Ready", "ContainersReady"].map { type in
        status["conditions"].elements.first { $0["type"].string == type }?["status"] ?? .null
      }
    }
    guard status != lastStatus || readiness(status) != readiness(previous),
      let patch = PodStatusCompiler.patch(from: previous, to: status, uid: uid)
    else {
      return
    }
    // What is reported must not be forgotten by a crash.
    save()
    do {
      let answer = try services.client.patch(
        .pods, namespace: pod.namespace, name: pod.name, .strategicMerge, patch, subresource: "status")
      lastStatus = status
      observe(answer.json)
    } catch let refusal as APIStatus where refusal.isNotFound || refusal.isConflict {
      // Gone, or another pod of that name: the watch will say so.
      services.log("status of pod \(pod.id) was not taken: \(refusal)")
      wake(after: 2)
    } catch {
      retry("reporting the status of \(pod.id)", error)
    }
  }
}
