internal import JSON
internal import Kubernetes

/// The next step of a Job from its pods. Pure.
struct JobPlan {
  private(set) var create = 0
  private(set) var delete: [KubernetesObject] = []
  private(set) var isComplete = false
  private(set) var isFailed = false
  private let succeeded: Int
  private let failed: Int
  private let active: [KubernetesObject]

  init(_ job: KubernetesObject, pods: [KubernetesObject]) {
    succeeded = pods.count { $0.phase == "Succeeded" }
    failed = pods.count { $0.phase == "Failed" }
    active = pods.filter(\.isActive)
    let parallelism = job.spec["parallelism"].int ?? 1
    let completions = job.spec["completions"].int
    if failed > job.spec["backoffLimit"].int ?? 6 {
      isFailed = true
      delete = active
    } else if let completions, succeeded >= completions {
      isComplete = true
      delete = active
    } else if completions == nil, succeeded > 0 {
      // A work queue: once one has succeeded no new pod is started, and the last one completes the Job.
      isComplete = active.isEmpty
    } else if job.spec["suspend"].bool ?? false {
      delete = active
    } else {
      let wanted = min(parallelism, completions.map { $0 - succeeded } ?? parallelism)
      create = max(0, wanted - active.count)
      if active.count > wanted {
        delete = PodDeletionOrder(active, related: active).first(active.count - wanted)
      }
    }
  }

  func status(_ job: KubernetesObject, _ pods: [KubernetesObject], now: Timestamp) -> JSON {
    var status: JSON = job.status.object == nil ? [:] : job.status
    let running = active.count - delete.count + create
    status["active"] = running > 0 ? .count(running) : .null
    status["ready"] = .count(active.count(where: \.isReady))
    status["succeeded"] = succeeded > 0 ? .count(succeeded) : .null
    status["failed"] = failed > 0 ? .count(failed) : .null
    if status["startTime"].isNull, !(job.spec["suspend"].bool ?? false) {
      status["startTime"] = .string(now.description)
    }
    var conditions = Conditions(status["conditions"])
    if isComplete {
      status["completionTime"] = .string(now.description)
      let message = "Reached expected number of succeeded pods"
      conditions.set("SuccessCriteriaMet", "True", reason: "CompletionsReached", message: message, now: now)
      conditions.set("Complete", "True", reason: "CompletionsReached", message: message, now: now)
    } else if isFailed {
      let message = "Job has reached the specified backoff limit"
      conditions.set("FailureTarget", "True", reason: "BackoffLimitExceeded", message: message, now: now)
      conditions.set("Failed", "True", reason: "BackoffLimitExceeded", message: message, now: now)
    }
    status["conditions"] = conditions.json
    return status
  }
}
