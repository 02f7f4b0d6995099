internal import JSON
internal import Kubernetes

/// The next step of a Job from its pods. Pure.
struct JobPlan {
  /// Why a Job has failed.
  struct Failure: Equatable {
    var reason: String
    var message: String

    static let backoffLimit = Failure(
      reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit")
    static let deadline = Failure(
      reason: "DeadlineExceeded", message: "Job was active longer than specified deadline")
  }

  /// Pods to make.
  private(set) var create = 0
  /// Of an indexed Job: the indexes of the pods to make.
  private(set) var indexes: [Int] = []
  /// Running pods to delete. Those of a Job that is over count as failed if it failed; others do not count at all.
  private(set) var delete: [KubernetesObject] = []
  /// Enough pods have succeeded.
  private(set) var isComplete = false
  private(set) var failure: Failure?
  /// Seconds after which the Job must be looked at again.
  private(set) var recheck: Double?
  private let tally: JobTally
  private let active: [KubernetesObject]
  private let terminating: Int

  var isFailed: Bool { failure != nil }
  /// Decided one way or the other; its pods may still be ending.
  var isOver: Bool { isComplete || isFailed }
  /// Over, and every pod of it has ended and is counted.
  var isFinished: Bool { isOver && tally.isSettled }

  /// - Parameter failures: what is known of earlier failures.
  init(
    _ job: KubernetesObject, pods: [KubernetesObject], tally: JobTally? = nil, failures: JobFailures? = nil,
    now: Timestamp
  ) {
    let tally = tally ?? JobTally(job, pods: pods)
    var failures = failures ?? JobFailures()
    failures.note(job, pods: pods, now: now)
    self.tally = tally
    active = pods.filter(\.isActive)
    terminating = pods.count { $0.isTerminating && !$0.isTerminal }
    guard !job.isTerminating else { return }
    decide(job, failures, now)
  }

  private mutating func decide(_ job: KubernetesObject, _ failures: JobFailures, _ now: Timestamp) {
    let spec = job.spec
    // What was decided once stays so, whatever the counts say now.
    let target = job.condition("FailureTarget")
    if target["status"].string == "True" {
      return fail(Failure(reason: target["reason"].string ?? "", message: target["message"].string ?? ""))
    }
    if job.isTrue("SuccessCriteriaMet") { return succeed() }
    if let message = tally.policyFailure { return fail(Failure(reason: "PodFailurePolicy", message: message)) }
    let limit = spec["backoffLimit"].int ?? 6
    // Containers that are started again in their pods count like pods.
    let restarts =
      spec["template", "spec", "restartPolicy"].string == "OnFailure" ? active.map(\.restarts).reduce(0, +) : 0
    if tally.failed > limit || restarts > 0 && restarts >= limit { return fail(.backoffLimit) }
    let completions = spec["completions"].int
    if let completions, tally.succeeded >= completions {
      succeed()
    } else if completions == nil, tally.succeeded > 0 {
      // A work queue: once one has succeeded no new pod is started, and the last one completes the Job.
      isComplete = active.isEmpty && terminating == 0
    } else if spec["suspend"].bool ?? false {
      delete = active
      return
    } else {
      fill(spec, completions.map { $0 - tally.succeeded }, job, failures, now)
    }
    if !isComplete, let seconds = spec["activeDeadlineSeconds"].int {
      let left = Double(seconds) - now.since(job.status["startTime"].string.flatMap { Timestamp($0) } ?? now)
      if left <= 0 { return fail(.deadline) }
      recheck = min(recheck ?? .infinity, left)
    }
  }

  private mutating func fail(_ failure: Failure) {
    self.failure = failure
    create = 0
    indexes = []
    delete = active
    recheck = nil
  }

  private mutating func succeed() {
    isComplete = true
    delete = active
  }

  private mutating func fill(
    _ spec: JSON, _ left: Int?, _ job: KubernetesObject, _ failures: JobFailures, _ now: Timestamp
  ) {
    let parallelism = max(0, spec["parallelism"].int ?? 1)
    let wanted = min(parallelism, left ?? parallelism)
    if active.count > wanted {
      delete = PodDeletionOrder(active, related: active).first(active.count - wanted)
    }
    var missing = max(0, wanted - active.count)
    // Pods that end are waited for: two of one Job's place must not run beside one another.
    if job.replacesFailedPodsOnly { missing = max(0, missing - terminating) }
    guard missing > 0 else { return }
    let pause = failures.pause(now)
    guard pause <= 0 else {
      recheck = pause
      return
    }
    create = missing
    guard let completedIndexes = tally.completedIndexes, let completions = spec["completions"].int else { return }
    let taken = completedIndexes.union(active.compactMap(\.completionIndex))
    var index = 0
    while indexes.count < missing, index < completions {
      if !taken.contains(index) { indexes.append(index) }
      index += 1
    }
    create = indexes.count
  }

  func status(_ job: KubernetesObject, now: Timestamp) -> JSON {
    var status: JSON = job.status.object == nil ? [:] : job.status
    let running = active.count - delete.count + create
    status["active"] = running > 0 ? .count(running) : .null
    status["ready"] = .count(isOver ? 0 : active.count(where: \.isReady))
    status["terminating"] = .count(terminating + delete.count)
    tally.write(to: &status)
    var conditions = Conditions(status["conditions"])
    let isSuspended = job.spec["suspend"].bool ?? false
    if isSuspended, !isOver {
      conditions.set("Suspended", "True", reason: "JobSuspended", message: "Job suspended", now: now)
      status["startTime"] = .null
    } else {
      if conditions["Suspended"]["status"].string == "True" {
        conditions.set("Suspended", "False", reason: "JobResumed", message: "Job resumed", now: now)
      }
      if status["startTime"].isNull { status["startTime"] = .string(now.description) }
    }
    if isComplete {
      let message = "Reached expected number of succeeded pods"
      conditions.set("SuccessCriteriaMet", "True", reason: "CompletionsReached", message: message, now: now)
      if isFinished {
        status["completionTime"] = .string(now.description)
        conditions.set("Complete", "True", reason: "CompletionsReached", message: message, now: now)
      }
    } else if let failure {
      conditions.set("FailureTarget", "True", reason: failure.reason, message: failure.message, now: now)
      if isFinished { conditions.set("Failed", "True", reason: failure.reason, message: failure.message, now: now) }
    }
    status["conditions"] = conditions.json
    return status
  }
}
