import JSON
import Kubernetes
import Testing

@testable import ControlPlane

@Suite struct JobPlanTests {
  static let now = Timestamp("2026-01-01T01:00:00Z")!

  static func job(_ spec: JSON) -> KubernetesObject {
    var job = KubernetesObject(.jobs, namespace: "default", name: "j")
    job.spec = spec
    return job
  }

  /// S succeeded, F failed long ago, f failed this moment, R running, E ending; indexes as they stand.
  static func pods(_ letters: String, restarts: Int = 0) -> [KubernetesObject] {
    let phases = ["S": "Succeeded", "F": "Failed", "f": "Failed", "R": "Running", "E": "Running"]
    return letters.enumerated().map { offset, letter in
      var pod = Samples.pod("j-\(offset)", phase: phases[String(letter)]!, terminating: letter == "E")
      pod.annotations["batch.kubernetes.io/job-completion-index"] = String(offset)
      pod.finalizers = [JobTally.finalizer]
      if letter == "f" {
        pod.status["containerStatuses"] = [["state": ["terminated": ["finishedAt": .string(now.description)]]]]
      } else if restarts > 0 {
        pod.status["containerStatuses"] = [["restartCount": .int(Int64(restarts))]]
      }
      return pod
    }
  }

  @Test(
    arguments: [
      (["completions": 3, "parallelism": 2], "", 2, false, false),
      (["completions": 3, "parallelism": 2], "SR", 1, false, false),
      (["completions": 3, "parallelism": 2], "SSR", 0, false, false), (["completions": 3], "SSS", 0, true, false),
      ([:], "F", 1, false, false), (["backoffLimit": 0], "F", 0, false, true), (["suspend": true], "", 0, false, false),
      // A pod that just failed is replaced after a pause.
      ([:], "f", 0, false, false), (["parallelism": 2], "E", 2, false, false),
      (["parallelism": 2, "podReplacementPolicy": "Failed"], "E", 1, false, false),
      (["completionMode": "Indexed", "completions": 2, "parallelism": 2], "SS", 0, true, false),
    ] as [(JSON, String, Int, Bool, Bool)])
  func steps(spec: JSON, pods: String, create: Int, complete: Bool, failed: Bool) {
    let plan = JobPlan(Self.job(spec), pods: Self.pods(pods), now: Self.now)
    #expect(plan.create == create)
    #expect(plan.isComplete == complete)
    #expect(plan.isFailed == failed)
  }

  @Test(arguments: [("f", 10.0), ("ff", 20), ("ffff", 80), ("fffffffffff", 600)])
  func failuresAreWaitedAfter(pods: String, seconds: Double) {
    let plan = JobPlan(Self.job(["backoffLimit": 100]), pods: Self.pods(pods), now: Self.now)
    #expect(plan.create == 0 && plan.recheck == seconds)
  }

  @Test func placesOfAnIndexedJob() {
    let spec: JSON = ["completionMode": "Indexed", "completions": 6, "parallelism": 3]
    let plan = JobPlan(Self.job(spec), pods: Self.pods("SFRS"), now: Self.now)
    #expect(plan.indexes == [1, 4] && plan.create == 2)
    let status = plan.status(Self.job(spec), now: Self.now)
    #expect(status["completedIndexes"] == "0,3")
    #expect(status["active"] == 3 && status["succeeded"] == 2 && status["failed"].isNull)
    #expect(status["uncountedTerminatedPods"] == ["failed": ["uid-j-1"]])
    var job = Self.job(spec)
    job.spec["template", "spec", "containers"] = [["name": "c"]]
    let pod = JobController.pod(job, index: 4)
    #expect(pod.name.hasPrefix("j-4-") && pod.spec["hostname"] == "j-4")
    #expect(pod.spec["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX")
    #expect(pod.annotations["batch.kubernetes.io/job-completion-index"] == "4")
    #expect(pod.labels["job-name"] == "j")
  }

  @Test func deadlineAndRestartsEndAJob() {
    var job = Self.job(["activeDeadlineSeconds": 60])
    job.status["startTime"] = .string(Self.now.adding(seconds: -59).description)
    var plan = JobPlan(job, pods: Self.pods("R"), now: Self.now)
    #expect(plan.failure == nil && plan.recheck == 1)
    plan = JobPlan(job, pods: Self.pods("R"), now: Self.now.adding(seconds: 1))
    #expect(plan.failure == .deadline && plan.delete.count == 1)
    // It is decided at once, and called failed when its last pod has ended.
    job.status = plan.status(job, now: Self.now)
    #expect(job.condition("FailureTarget")["reason"] == "DeadlineExceeded" && !job.isTrue("Failed"))
    plan = JobPlan(job, pods: Self.pods("E"), now: Self.now)
    job.status = plan.status(job, now: Self.now)
    #expect(plan.failure == .deadline && plan.create == 0 && !plan.isFinished)
    #expect(job.status["uncountedTerminatedPods"] == ["failed": ["uid-j-0"]])
    plan = JobPlan(job, pods: [], now: Self.now)
    job.status = plan.status(job, now: Self.now)
    #expect(plan.isFinished && job.condition("Failed")["reason"] == "DeadlineExceeded" && job.status["failed"] == 1)
    let restarting: JSON = ["backoffLimit": 2, "template": ["spec": ["restartPolicy": "OnFailure"]]]
    #expect(JobPlan(Self.job(restarting), pods: Self.pods("R", restarts: 1), now: Self.now).failure == nil)
    #expect(JobPlan(Self.job(restarting), pods: Self.pods("R", restarts: 2), now: Self.now).failure == .backoffLimit)
  }

  /// Enough have succeeded: the others are ended, count for nothing, and the Job is complete when they are gone.
  @Test func completionWaitsForThePodsThatAreLeft() {
    var job = Self.job(["completions": 1, "parallelism": 2])
    var plan = JobPlan(job, pods: Self.pods("SR"), now: Self.now)
    #expect(plan.isComplete && plan.delete.map(\.name) == ["j-1"])
    job.status = plan.status(job, now: Self.now)
    #expect(job.isTrue("SuccessCriteriaMet") && !job.isTrue("Complete") && job.status["terminating"] == 1)
    plan = JobPlan(job, pods: Self.pods("SE"), now: Self.now)
    job.status = plan.status(job, now: Self.now)
    #expect(plan.isComplete && !job.isTrue("Complete"))
    plan = JobPlan(job, pods: [], now: Self.now)
    job.status = plan.status(job, now: Self.now)
    #expect(job.isTrue("Complete") && job.status["succeeded"] == 1 && job.status["failed"].isNull)
  }

  @Test func failuresAreRememberedWhenTheirPodsAreGone() {
    let job = Self.job(["backoffLimit": 100])
    var failures = JobFailures()
    failures.note(job, pods: Self.pods("ff"), now: Self.now)
    failures.note(job, pods: [], now: Self.now)
    #expect(JobPlan(job, pods: [], failures: failures, now: Self.now).recheck == 20)
    // A success forgets them.
    var done = Self.pods("S")
    done[0].status["containerStatuses"] = [["state": ["terminated": ["finishedAt": .string(Self.now.description)]]]]
    failures.note(job, pods: done, now: Self.now)
    #expect(failures.pause(Self.now) <= 0)
  }

  static let policy: JSON = [
    "rules": [
      ["action": "FailJob", "onExitCodes": ["containerName": "main", "operator": "In", "values": [42]]],
      ["action": "Ignore", "onPodConditions": [["type": "DisruptionTarget", "status": "True"]]],
      ["action": "Count", "onExitCodes": ["operator": "NotIn", "values": [1, 2]]],
    ]
  ]

  /// A failed pod whose container ended with a code, with a condition or without.
  static func failed(_ code: Int, container: String = "main", condition: String? = nil) -> KubernetesObject {
    var pod = Samples.pod("p", phase: "Failed")
    pod.finalizers = [JobTally.finalizer]
    pod.status["containerStatuses"] = [
      ["name": .string(container), "state": ["terminated": ["exitCode": .int(Int64(code))]]]
    ]
    if let condition { pod.status["conditions"] = [["type": .string(condition), "status": "True"]] }
    return pod
  }

  @Test(
    arguments: [
      (
        failed(42),
        .failJob(message: "Container main for pod default/p failed with exit code 42 matching FailJob rule at index 0")
      ), (failed(42, container: "other"), .count), (failed(1), .count), (failed(7), .count),
      (failed(1, condition: "DisruptionTarget"), .ignore),
      (
        failed(42, condition: "DisruptionTarget"),
        .failJob(message: "Container main for pod default/p failed with exit code 42 matching FailJob rule at index 0")
      ),
      (failed(0), .count), (Samples.pod("p", phase: "Running"), .count),
    ] as [(KubernetesObject, JobFailurePolicy.Verdict)])
  func whatAFailureMeans(pod: KubernetesObject, verdict: JobFailurePolicy.Verdict) {
    #expect(JobFailurePolicy(Self.policy).verdict(pod) == verdict)
    #expect(JobFailurePolicy(.null).verdict(pod) == .count)
  }

  @Test func aFailurePolicyRulesTheJob() {
    let job = Self.job(["backoffLimit": 0, "podFailurePolicy": Self.policy])
    #expect(JobPlan(job, pods: [Self.failed(42)], now: Self.now).failure?.reason == "PodFailurePolicy")
    #expect(JobPlan(job, pods: [Self.failed(1)], now: Self.now).failure == .backoffLimit)
    // What is ignored is replaced at once and counted nowhere.
    let plan = JobPlan(job, pods: [Self.failed(1, condition: "DisruptionTarget")], now: Self.now)
    #expect(plan.failure == nil && plan.create == 1)
    let status = plan.status(job, now: Self.now)
    #expect(status["uncountedTerminatedPods"] == [:] && status["failed"].isNull)
  }

  @Test func suspendedJobsSaySo() {
    var job = Self.job(["suspend": true])
    var status = JobPlan(job, pods: Self.pods("R"), now: Self.now).status(job, now: Self.now)
    #expect(Conditions(status["conditions"])["Suspended"]["status"] == "True" && status["startTime"].isNull)
    job.status = status
    job.spec["suspend"] = false
    status = JobPlan(job, pods: [], now: Self.now).status(job, now: Self.now)
    #expect(Conditions(status["conditions"])["Suspended"]["status"] == "False" && !status["startTime"].isNull)
  }
}
