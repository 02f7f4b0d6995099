internal import JSON
internal import Kubernetes

/// What of a Job's pods is counted, so that each is counted once, even when somebody deletes it (KEP-2307).
///
/// A pod carries a finalizer until it is counted, so nobody can take it away before. Counting is in three writes, each of
/// which may be the last before a crash: the pod's uid goes into `status.uncountedTerminatedPods`, the pod loses its
/// finalizer, the uid becomes one more in `status.succeeded` or `status.failed`. Succeeded pods of an indexed Job are
/// counted by their place in `status.completedIndexes` instead. Pure.
struct JobTally {
  static let finalizer = "batch.kubernetes.io/job-tracking"
  /// Pods that one write of the status counts at most, as in Kubernetes: their uids stand in the object.
  static let limit = 500

  /// All that have succeeded and failed: counted, being counted, and about to be.
  private(set) var succeeded = 0
  private(set) var failed = 0
  /// Of an indexed Job.
  private(set) var completedIndexes: Set<Int>?
  /// Pods that lose their finalizer as soon as `fields` are written.
  private(set) var release: [KubernetesObject] = []
  /// What a failed pod says about the whole Job, by its podFailurePolicy.
  private(set) var policyFailure: String?
  /// Nothing is left to count: the Job may be called finished.
  private(set) var isSettled = true

  private var countedSucceeded: Int
  private var countedFailed: Int
  private var uncountedSucceeded: [String] = []
  private var uncountedFailed: [String] = []

  /// - Parameter pods: those the Job controls.
  init(_ job: KubernetesObject, pods: [KubernetesObject]) {
    let status = job.status
    let held = pods.filter { $0.finalizers.contains(Self.finalizer) }
    let heldIDs = Set(held.map(\.uid))
    countedSucceeded = status["succeeded"].int ?? 0
    countedFailed = status["failed"].int ?? 0
    let before = status["uncountedTerminatedPods"]
    for id in before["succeeded"].elements.compactMap(\.string) {
      if heldIDs.contains(id) { uncountedSucceeded.append(id) } else { countedSucceeded += 1 }
    }
    for id in before["failed"].elements.compactMap(\.string) {
      if heldIDs.contains(id) { uncountedFailed.append(id) } else { countedFailed += 1 }
    }
    let completions = job.spec["completions"].int ?? 0
    if job.spec["completionMode"].string == "Indexed" {
      completedIndexes = Set(Self.numbers(status["completedIndexes"].string ?? "").filter { $0 < completions })
    }
    let policy = JobFailurePolicy(job.spec["podFailurePolicy"])
    let isFailing = job.isTrue("FailureTarget") || job.isTrue("Failed")
    let isComplete = job.isTrue("SuccessCriteriaMet") || job.isTrue("Complete")
    let isOver = isFailing || isComplete || job.isTerminating
    var known = Set(uncountedSucceeded + uncountedFailed)
    for pod in held {
      let verdict = policy.verdict(pod)
      if pod.phase == "Failed", policyFailure == nil, case .failJob(let message) = verdict { policyFailure = message }
      let hasFailed = pod.hasFailed(asReplacedBy: job)
      guard hasFailed || pod.phase == "Succeeded" || isOver && pod.isTerminating else { continue }
      guard release.count < Self.limit else {
        isSettled = false
        break
      }
      release.append(pod)
      guard known.insert(pod.uid).inserted else { continue }
      let isPlaced = completedIndexes == nil || pod.completionIndex.map { $0 < completions } ?? false
      if pod.phase == "Succeeded" {
        if completedIndexes == nil {
          uncountedSucceeded.append(pod.uid)
        } else if isPlaced, let index = pod.completionIndex {
          completedIndexes?.insert(index)
        }
      } else if hasFailed || isFailing, isPlaced, verdict != .ignore, !isComplete {
        // Of a Job that is complete the pods that were left over are ended, which is no failure.
        uncountedFailed.append(pod.uid)
      }
    }
    if !held.isEmpty || !uncountedSucceeded.isEmpty || !uncountedFailed.isEmpty { isSettled = false }
    if pods.contains(where: { !$0.isTerminal }) { isSettled = false }
    succeeded = completedIndexes?.count ?? countedSucceeded + uncountedSucceeded.count
    failed = countedFailed + uncountedFailed.count
  }

  /// Writes the counts into a status.
  func write(to status: inout JSON) {
    let succeeded = completedIndexes?.count ?? countedSucceeded
    status["succeeded"] = succeeded > 0 ? .count(succeeded) : .null
    status["failed"] = countedFailed > 0 ? .count(countedFailed) : .null
    if let completedIndexes { status["completedIndexes"] = .string(Self.ranges(completedIndexes)) }
    var uncounted: JSON = [:]
    if !uncountedSucceeded.isEmpty { uncounted["succeeded"] = .array(uncountedSucceeded.map { .string($0) }) }
    if !uncountedFailed.isEmpty { uncounted["failed"] = .array(uncountedFailed.map { .string($0) }) }
    status["uncountedTerminatedPods"] = uncounted
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

  /// What `ranges` wrote; what cannot be read is left out.
  static func numbers(_ text: String) -> [Int] {
    text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, 0 <= first, first <= last, last < 1_000_000 else { return [] }
      return Array(first...last)
    }
  }
}

extension KubernetesObject {
  static let completionIndexKey = "batch.kubernetes.io/job-completion-index"

  /// The place of a pod in its indexed Job.
  var completionIndex: Int? { annotations[Self.completionIndexKey].flatMap { Int($0) } }

  /// Whether a pod counts as failed for its Job: one that is being deleted does at once, unless the Job waits for its end
  /// before it makes another.
  func hasFailed(asReplacedBy job: KubernetesObject) -> Bool {
    if phase == "Failed" { return true }
    return isTerminating && phase != "Succeeded" && !job.replacesFailedPodsOnly
  }

  /// Of a Job: a pod that is being deleted is replaced when it has ended, not before.
  var replacesFailedPodsOnly: Bool {
    spec["podReplacementPolicy"].string == "Failed" || !spec["podFailurePolicy"].isNull
  }
}
