internal import Kubernetes
internal import Linux

/// Takes the finalizer of Jobs from pods that no Job will count any more: theirs is gone, is another of the same name, or
/// has finished. Without this nobody could delete them. Keys are pods.
final class JobPodReleaser: Controller {
  let name = "job pods"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext

  init(_ context: ControllerContext) { self.context = context }

  func observe() {
    context.pods.observe { [weak self] _, new in
      if let self, let new, new.finalizers.contains(JobTally.finalizer), !isCounted(new) { queue.add(new.key) }
    }
    context.jobs.observe { [context, queue] old, new in
      guard let job = new ?? old, new == nil || job.isFinishedJob else { return }
      for pod in context.pods.list(ControllerContext.Index.owner, job.uid) { queue.add(pod.key) }
    }
  }

  /// The cache knows a Job that counts the pod.
  private func isCounted(_ pod: KubernetesObject) -> Bool {
    guard let owner = pod.controller, owner.kind == "Job" else { return false }
    return context.jobs.get(pod.namespace, owner.name).map { $0.uid == owner.uid && !$0.isFinishedJob } ?? false
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let pod = context.pods.get(key), pod.finalizers.contains(JobTally.finalizer), !isCounted(pod) else { return }
    if let owner = pod.controller, owner.kind == "Job",
      // The cache of Jobs may be behind that of pods.
      let job = try context.client.find(.jobs, namespace: pod.namespace, name: owner.name), job.uid == owner.uid,
      !job.isFinishedJob
    {
      return
    }
    try context.release(pod)
  }
}
