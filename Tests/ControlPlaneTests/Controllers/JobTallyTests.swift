import JSON
import Kubernetes
import Testing

@testable import ControlPlane

/// Each pod of a Job is counted once, whoever deletes it and whenever the controller dies.
@Suite struct JobTallyTests {
  @Test(
    arguments: [([0, 1, 2, 4, 6, 7], "0-2,4,6,7"), ([], ""), ([5], "5"), ([1, 2], "1,2")] as [(Set<Int>, String)])
  func indexes(numbers: Set<Int>, text: String) {
    #expect(JobTally.ranges(numbers) == text)
    #expect(Set(JobTally.numbers(text)) == numbers)
  }

  @Test(arguments: ["x", "3-1", "-", "1-", "9999999999", "0-99999999"]) func whatIsNoListOfIndexes(text: String) {
    #expect(JobTally.numbers(text).count <= 1)
  }

  @Test func threeSteps() {
    var job = JobPlanTests.job(["completions": 5])
    var tally = JobTally(job, pods: JobPlanTests.pods("SFR"))
    #expect(tally.succeeded == 1 && tally.failed == 1 && tally.release.map(\.name) == ["j-0", "j-1"])
    tally.write(to: &job.status)
    #expect(job.status["succeeded"].isNull && job.status["failed"].isNull)
    #expect(job.status["uncountedTerminatedPods"] == ["succeeded": ["uid-j-0"], "failed": ["uid-j-1"]])
    // The same again, for the finalizers were not taken: nothing is counted twice.
    tally = JobTally(job, pods: JobPlanTests.pods("SFR"))
    #expect(tally.succeeded == 1 && tally.failed == 1 && tally.release.count == 2)
    // One was taken, and its pod deleted.
    tally = JobTally(job, pods: Array(JobPlanTests.pods("SFR").dropFirst()))
    #expect(tally.succeeded == 1 && tally.failed == 1)
    tally.write(to: &job.status)
    #expect(job.status["succeeded"] == 1 && job.status["uncountedTerminatedPods"] == ["failed": ["uid-j-1"]])
  }

  /// As many at a time as Kubernetes counts, and all in the end.
  @Test func manyAtOnce() {
    var job = JobPlanTests.job(["completions": 2000])
    var pods = JobPlanTests.pods(String(repeating: "S", count: 1200))
    for expected in [500, 1000, 1200] {
      let tally = JobTally(job, pods: pods)
      #expect(tally.succeeded == expected && !tally.isSettled)
      tally.write(to: &job.status)
      let released = Set(tally.release.map(\.uid))
      pods.removeAll { released.contains($0.uid) }
    }
    #expect(JobTally(job, pods: pods).succeeded == 1200)
  }

  /// Pods end, are deleted by anybody at any moment, and the controller dies between any two of its writes; now and then its
  /// view of the pods is an old one.
  @Test(arguments: [false, true]) func everyPodCountsOnce(isIndexed: Bool) {
    for _ in 0..<300 {
      var job = JobPlanTests.job(isIndexed ? ["completionMode": "Indexed", "completions": 40] : [:])
      var pods: [String: KubernetesObject] = [:]
      var succeeded: Set<Int> = []
      var ends = (succeeded: 0, failed: 0)
      var number = 0
      func remove(_ id: String) { if pods[id]?.finalizers.isEmpty == true { pods[id] = nil } }
      func work(_ view: [KubernetesObject], crashes: Bool) {
        let tally = JobTally(job, pods: view)
        if crashes, Int.random(in: 0..<4) == 0 { return }
        tally.write(to: &job.status)
        for pod in tally.release {
          if crashes, Int.random(in: 0..<6) == 0 { return }
          pods[pod.uid]?.finalizers = []
          if pods[pod.uid]?.isTerminating == true { remove(pod.uid) }
        }
      }
      var old: [KubernetesObject] = []
      for _ in 0..<120 {
        switch Int.random(in: 0..<6) {
        case 0:
          var pod = Samples.pod("p\(number)")
          pod.finalizers = [JobTally.finalizer]
          pod.annotations[KubernetesObject.completionIndexKey] = "\(number % 40)"
          pods[pod.uid] = pod
          number += 1
        case 1, 2:
          // One that runs ends; one that is being deleted has counted as failed already.
          guard var pod = pods.values.filter(\.isActive).randomElement() else { continue }
          let isGood = Bool.random()
          pod.status["phase"] = isGood ? "Succeeded" : "Failed"
          pods[pod.uid] = pod
          if isGood { succeeded.insert(pod.completionIndex!) }
          ends = (ends.succeeded + (isGood ? 1 : 0), ends.failed + (isGood ? 0 : 1))
        case 3:
          guard let pod = pods.values.randomElement() else { continue }
          if pod.isActive { ends.failed += 1 }
          pods[pod.uid]?.json["metadata", "deletionTimestamp"] = "2026-01-01T00:00:00Z"
          remove(pod.uid)
        case 4:
          // The status is never older than the view of the pods: the controller waits for its own writes.
          work(old.filter { view in pods[view.uid]?.finalizers == view.finalizers }, crashes: true)
        default:
          old = Array(pods.values)
          work(old, crashes: true)
        }
      }
      for _ in 0..<3 { work(Array(pods.values), crashes: false) }
      let tally = JobTally(job, pods: Array(pods.values))
      #expect(tally.failed == ends.failed && tally.succeeded == (isIndexed ? succeeded.count : ends.succeeded))
      #expect(job.status["failed"].int ?? 0 == ends.failed)
      #expect(job.status["uncountedTerminatedPods"] == [:])
    }
  }
}
