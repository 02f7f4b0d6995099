internal import JSON
internal import Kubernetes

/// The next step of a Job from its pods. Pure.
struct JobPlan {
  /// Why a Job has failed.
  enum Failure: String {
    case backoffLimit = "BackoffLimitExceeded"
    case deadline = "DeadlineExceeded"

    var message: String {
      switch self {
      case .backoffLimit: "Job has reached the specified backoff limit"
      case .deadline: "Job was active longer than specified deadline"
      }
    }
  }

  /// Seconds before the first failed pod is replaced; doubled with each failure in a row.
  static let firstBackoff = 10.0
  static let longestBackoff = 600.0

  /// Pods to make.
  private(set) var create = 0
  /// Of an indexed Job: the indexes of the pods to make.
  private(set) var indexes: [Int] = []
  private(set) var delete: [KubernetesObject] = []
  private(set) var isComplete = false
  private(set) var failure: Failure?
  /// Seconds after which the Job must be looked at again.
  private(set) var recheck: Double?
  private let succeeded: Int
  private let failed: Int
  private let active: [KubernetesObject]
  /// Of an indexed Job.
  private let completedIndexes: Set<Int>?

  var isFailed: Bool { failure != nil }

  init(_ job: KubernetesObject, pods: [KubernetesObject], now: Timestamp) {
    let spec = job.spec
    failed = pods.count { $0.phase == "Failed" }
    active = pods.filter(\.isActive)
    let done = pods.filter { $0.phase == "Succeeded" }
    let isIndexed = spec["completionMode"].string == "Indexed"
    let completions = spec["completions"].int
    if isIndexed {
      let indexes = Set(done.compactMap(\.completionIndex).filter { $0 < completions ?? 0 })
      completedIndexes = indexes
      succeeded = indexes.count
    } else {
      completedIndexes = nil
      succeeded = done.count
    }
    let limit = spec["backoffLimit"].int ?? 6
    // Containers that are started again in their pods count like pods.
    let restarts =
      spec["template", "spec", "restartPolicy"].string == "OnFailure" ? active.map(\.restarts).reduce(0, +) : 0
    if failed > limit || restarts > 0 && restarts >= limit {
      fail(.backoffLimit)
      return
    }
    if let completions, succeeded >= completions {
      isComplete = true
      delete = active
    } else if completions == nil, succeeded > 0 {
      // A work queue: once one has succeeded no new pod is started, and the last one completes the Job.
      isComplete = active.isEmpty
    } else if spec["suspend"].bool ?? false {
      delete = active
      return
    } else {
      fill(spec, completions.map { $0 - succeeded }, pods, now)
    }
    if !isComplete, let seconds = spec["activeDeadlineSeconds"].int {
      let left = Double(seconds) - now.since(job.status["startTime"].string.flatMap { Timestamp($0) } ?? now)
      if left <= 0 {
        fail(.deadline)
        return
      }
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

  private mutating func fill(_ spec: JSON, _ left: Int?, _ pods: [KubernetesObject], _ now: Timestamp) {
    let parallelism = max(0, spec["parallelism"].int ?? 1)
    let wanted = min(parallelism, left ?? parallelism)
    if active.count > wanted {
      delete = PodDeletionOrder(active, related: active).first(active.count - wanted)
    }
    var missing = max(0, wanted - active.count)
    // Pods that end are waited for: two of one Job's place must not run beside one another (podReplacementPolicy Failed).
    if spec["podReplacementPolicy"].string == "Failed" {
      missing = max(0, missing - pods.count { $0.isTerminating && !$0.isTerminal })
    }
    guard missing > 0 else { return }
    let pause = Self.backoff(pods, now)
    guard pause <= 0 else {
      recheck = pause
      return
    }
    create = missing
    guard let completedIndexes, let completions = spec["completions"].int else { return }
    let taken = completedIndexes.union(active.compactMap(\.completionIndex))
    var index = 0
    while indexes.count < missing, index < completions {
      if !taken.contains(index) { indexes.append(index) }
      index += 1
    }
    create = indexes.count
  }

  /// Seconds to wait after the failures since the last success.
  private static func backoff(_ pods: [KubernetesObject], _ now: Timestamp) -> Double {
    let success = pods.filter { $0.phase == "Succeeded" }.compactMap(\.finished).max()
    let failures = pods.filter { $0.phase == "Failed" }.compactMap(\.finished)
      .filter { time in success.map { time > $0 } ?? true }
    guard let last = failures.max() else { return 0 }
    let pause = min(longestBackoff, firstBackoff * Double(UInt64(1) << UInt64(min(failures.count - 1, 30))))
    return pause - now.since(min(last, now))
  }

  func status(_ job: KubernetesObject, now: Timestamp) -> JSON {
    var status: JSON = job.status.object == nil ? [:] : job.status
    let running = active.count - delete.count + create
    let isOver = isComplete || isFailed
    status["active"] = running > 0 && !isOver ? .count(running) : .null
    status["ready"] = .count(isOver ? 0 : active.count(where: \.isReady))
    status["succeeded"] = succeeded > 0 ? .count(succeeded) : .null
    status["failed"] = failed > 0 ? .count(failed) : .null
    if let completedIndexes { status["completedIndexes"] = .string(Self.ranges(completedIndexes)) }
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
      status["completionTime"] = .string(now.description)
      let message = "Reached expected number of succeeded pods"
      conditions.set("SuccessCriteriaMet", "True", reason: "CompletionsReached", message: message, now: now)
      conditions.set("Complete", "True", reason: "CompletionsReached", message: message, now: now)
    } else if let failure {
      conditions.set("FailureTarget", "True", reason: failure.rawValue, message: failure.message, now: now)
      conditions.set("Failed", "True", reason: failure.rawValue, message: failure.message, now: now)
    }
    status["conditions"] = conditions.json
    return status
  }

  /// `0,2-4`: numbers and ranges, as `status.completedIndexes` has them.
  static func ranges(_ numbers: Set<Int>) -> String {
    var parts: [(first: Int, last: Int)] = []
    for number in numbers.sorted() {
      if let last = parts.last, last.last + 1 == number {
        parts[parts.count - 1].last = number
      } else {
        parts.append((number, number))
      }
    }
    return parts.map { part in
      switch part.last - part.first {
      case 0: "\(part.first)"
      case 1: "\(part.first),\(part.last)"
      default: "\(part.first)-\(part.last)"
      }
    }.joined(separator: ",")
  }
}

extension KubernetesObject {
  static let completionIndexKey = "batch.kubernetes.io/job-completion-index"

  /// The place of a pod in its indexed Job.
  fileprivate var completionIndex: Int? { annotations[Self.completionIndexKey].flatMap { Int($0) } }

  /// When a pod's last container ended; nil for one that has none that did.
  fileprivate var finished: Timestamp? {
    let ends = status["containerStatuses"].elements.compactMap {
      $0["state", "terminated", "finishedAt"].string.flatMap { Timestamp($0) }
    }
    return ends.max() ?? condition("Ready")["lastTransitionTime"].string.flatMap { Timestamp($0) }
  }
}
