internal import JSON
internal import Kubernetes
internal import Linux

/// Runs the pods of Jobs to their end, as many at a time as `parallelism` says. Keys are Jobs.
///
/// Completions (indexed or not), parallelism, backoffLimit with its pauses, activeDeadlineSeconds, suspend and
/// ttlSecondsAfterFinished are honoured. Pod failure and success policies and limits per index are not known here: such Jobs
/// are left alone with an Event.
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
    for field in ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex"] where !job.spec[field].isNull {
      context.events.record(
        job, .warning, reason: "NotSupported",
        message: "spec.\(field): Jobs with this field are not run by this control plane. Remove it.")
      return
    }
    // A Job's selector is made by the API server; its pods are known by their owner alone.
    let pods = context.pods.list(ControllerContext.Index.owner, job.uid).filter { $0.controller?.uid == job.uid }
    let now = Timestamp.now()
    let plan = JobPlan(job, pods: pods, now: now)
    for pod in plan.delete {
      try context.client.delete(.pods, namespace: pod.namespace, name: pod.name, .init(uid: pod.uid))
      tracker.deleted(pod, for: key)
    }
    for number in 0..<plan.create {
      let pod = Self.pod(job, index: plan.indexes.isEmpty ? nil : plan.indexes[number])
      tracker.wrote(try context.client.create(.pods, pod), for: key)
      context.events.record(job, reason: "SuccessfulCreate", message: "Created pod: \(pod.name)")
    }
    if let recheck = plan.recheck { queue.add(key, after: recheck + 0.05) }
    if let failure = plan.failure {
      context.events.record(job, .warning, reason: failure.rawValue, message: failure.message)
    } else if plan.isComplete {
      context.events.record(job, reason: "Completed", message: "Job completed")
    }
    try context.updateStatus(.jobs, job, plan.status(job, now: now))
  }

  /// A pod of the Job, of a place of it where it is indexed.
  static func pod(_ job: KubernetesObject, index: Int?) -> KubernetesObject {
    let base = index.map { "\(job.name)-\($0)-" } ?? "\(job.name)-"
    var pod = PodTemplate.pod(job.spec["template"], owner: job, name: NameSuffix.generate(base))
    // The short labels are those of before 1.27, which people still select by.
    for prefix in ["batch.kubernetes.io/", ""] {
      pod.labels["\(prefix)job-name"] = job.name
      pod.labels["\(prefix)controller-uid"] = job.uid
    }
    guard let index else { return pod }
    let key = KubernetesObject.completionIndexKey
    pod.labels[key] = String(index)
    pod.annotations[key] = String(index)
    pod.spec["hostname"] = .string("\(job.name)-\(index)")
    for field in ["initContainers", "containers"] where !pod.spec[field].isNull {
      pod.spec[field] = .array(
        pod.spec[field].elements.map { container in
          var container = container
          let others = container["env"].elements.filter { $0["name"].string != "JOB_COMPLETION_INDEX" }
          let reference: JSON = ["fieldRef": ["fieldPath": .string("metadata.annotations['\(key)']")]]
          container["env"] = .array(others + [["name": "JOB_COMPLETION_INDEX", "valueFrom": reference]])
          return container
        })
    }
    return pod
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
