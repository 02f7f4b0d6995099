internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Runs the pods of Jobs to their end, as many at a time as `parallelism` says, and counts each once (`JobTally`). Keys are
/// Jobs.
///
/// Completions (indexed or not), parallelism, backoffLimit with its pauses, podFailurePolicy, podReplacementPolicy,
/// activeDeadlineSeconds, suspend and ttlSecondsAfterFinished are honoured. Success policies and limits per index are not
/// known here: such Jobs are left alone with an Event.
final class JobController: Controller {
  let name = "jobs"
  let queue = WorkQueue<NamespacedKey>()
  private let context: ControllerContext
  private let podTracker: WriteTracker
  /// A status that the cache does not show yet has counted pods whose finalizer is gone: without it they would be missing.
  private let jobTracker: WriteTracker
  /// By the Job's uid.
  private let failures = Mutex<[String: JobFailures]>([:])

  init(_ context: ControllerContext) {
    self.context = context
    podTracker = WriteTracker(context.pods, queue: queue)
    jobTracker = WriteTracker(context.jobs, queue: queue)
  }

  func observe() {
    queue.follow(context.jobs)
    queue.followOwners(of: context.pods, kind: "Job", in: context.jobs)
    context.jobs.observe { [weak self] old, new in
      if let old, old.uid != new?.uid { self?.failures.withLock { $0[old.uid] = nil } }
    }
  }

  func reconcile(_ key: NamespacedKey) throws {
    guard let job = context.jobs.get(key), podTracker.isSettled(key), jobTracker.isSettled(key) else { return }
    if job.isFinishedJob {
      failures.withLock { $0[job.uid] = nil }
      return try expire(job)
    }
    for field in ["successPolicy", "backoffLimitPerIndex"] where !job.spec[field].isNull {
      context.events.record(
        job, .warning, reason: "NotSupported",
        message: "spec.\(field): Jobs with this field are not run by this control plane. Remove it.")
      return
    }
    // A Job's selector is made by the API server; its pods are known by their owner alone.
    let pods = context.pods.list(ControllerContext.Index.owner, job.uid).filter { $0.controller?.uid == job.uid }
    let now = Timestamp.now()
    let failures = failures.withLock { all in
      all[job.uid, default: JobFailures()].note(job, pods: pods, now: now)
      return all[job.uid]
    }
    let tally = JobTally(job, pods: pods)
    let plan = JobPlan(job, pods: pods, tally: tally, failures: failures, now: now)
    for pod in plan.delete {
      // What the Job takes back itself is no failure of it.
      if !plan.isOver { try context.release(pod) }
      try context.client.delete(.pods, namespace: pod.namespace, name: pod.name, .init(uid: pod.uid))
      podTracker.deleted(pod, for: key)
    }
    for number in 0..<plan.create {
      let pod = Self.pod(job, index: plan.indexes.isEmpty ? nil : plan.indexes[number])
      podTracker.wrote(try context.client.create(.pods, pod), for: key)
      context.events.record(job, reason: "SuccessfulCreate", message: "Created pod: \(pod.name)")
    }
    if let recheck = plan.recheck { queue.add(key, after: recheck + 0.05) }
    let status = plan.status(job, now: now)
    if status != job.status {
      var changed = job
      changed.status = status
      jobTracker.wrote(try context.client.updateStatus(.jobs, changed), for: key)
    }
    // Their uids are kept now: what happens to the pods no longer matters.
    for pod in tally.release { try context.release(pod) }
    guard plan.isFinished else { return }
    if let failure = plan.failure {
      context.events.record(job, .warning, reason: failure.reason, message: failure.message)
    } else {
      context.events.record(job, reason: "Completed", message: "Job completed")
    }
  }

  /// A pod of the Job, of a place of it where it is indexed.
  static func pod(_ job: KubernetesObject, index: Int?) -> KubernetesObject {
    let base = index.map { "\(job.name)-\($0)-" } ?? "\(job.name)-"
    var pod = PodTemplate.pod(job.spec["template"], owner: job, name: NameSuffix.generate(base))
    pod.finalizers.append(JobTally.finalizer)
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

extension KubernetesObject {
  /// Of a Job: nothing of it changes any more.
  var isFinishedJob: Bool { isTrue("Complete") || isTrue("Failed") }
}

extension ControllerContext {
  /// Takes the finalizer by which a Job counts its pods from one of them.
  func release(_ pod: KubernetesObject) throws {
    guard pod.finalizers.contains(JobTally.finalizer) else { return }
    do {
      try client.patch(
        .pods, namespace: pod.namespace, name: pod.name, .strategicMerge,
        ["metadata": ["uid": .string(pod.uid), "$deleteFromPrimitiveList/finalizers": [.string(JobTally.finalizer)]]])
    } catch let status as APIStatus where status.isNotFound || status.isConflict {
      // Gone, or another pod of that name.
    }
  }
}
