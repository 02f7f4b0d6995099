internal import JSON
internal import Kubernetes
internal import Linux

/// Runs the pods of Jobs to their end, as many at a time as `parallelism` says. Keys are Jobs.
///
/// Completions, parallelism, backoffLimit, suspend and ttlSecondsAfterFinished are honoured; indexed completion and pod
/// failure policies are not known here: such Jobs are left alone with an Event.
final class JobController: Controller {
  let name = "jobs"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let tracker: WriteTracker

  init(_ context: ControllerContext) {
    self.context = context
    tracker = WriteTracker(context.pods, queue: queue)
  }

  func observe() {
    queue.follow(context.jobs)
    queue.followOwners(of: context.pods, kind: "Job", in: context.jobs)
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let job = context.jobs.get(key), !job.isTerminating, tracker.isSettled(key) else { return }
    if job.isTrue("Complete") || job.isTrue("Failed") { return try expire(job) }
    if job.spec["completionMode"].string == "Indexed" || !job.spec["podFailurePolicy"].isNull {
      context.events.record(
        job, .warning, reason: "NotSupported",
        message: "Jobs with completionMode Indexed or a podFailurePolicy are not run by this control plane.")
      return
    }
    // A Job's selector is made by the API server; its pods are known by their owner alone.
    let pods = context.pods.list(ControllerContext.Index.owner, job.uid).filter { $0.controller?.uid == job.uid }
    let plan = JobPlan(job, pods: pods)
    for pod in plan.delete {
      try context.client.delete(.pods, namespace: pod.namespace, name: pod.name, .init(uid: pod.uid))
      tracker.deleted(pod, for: key)
    }
    for _ in 0..<plan.create {
      var pod = PodTemplate.pod(job.spec["template"], owner: job, name: NameSuffix.generate(job.name + "-"))
      pod.labels["batch.kubernetes.io/job-name"] = job.name
      pod.labels["batch.kubernetes.io/controller-uid"] = job.uid
      tracker.wrote(try context.client.create(.pods, pod), for: key)
      context.events.record(job, reason: "SuccessfulCreate", message: "Created pod: \(pod.name)")
    }
    try context.updateStatus(.jobs, job, plan.status(job, pods, now: .now()))
  }

  private func expire(_ job: KubernetesObject) throws {
    guard let seconds = job.spec["ttlSecondsAfterFinished"].int else { return }
    let condition = job.isTrue("Complete") ? job.condition("Complete") : job.condition("Failed")
    guard let finished = condition["lastTransitionTime"].string.flatMap({ Timestamp($0) }) else { return }
    let left = Double(seconds) - Timestamp.now().since(finished)
    if left > 0 {
      queue.add(job.key, after: left)
    } else {
      try context.client.delete(
        .jobs, namespace: job.namespace, name: job.name, .init(propagation: .background, uid: job.uid))
    }
  }
}
