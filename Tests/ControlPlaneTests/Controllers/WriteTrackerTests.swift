import JSON
import Kubernetes
import Linux
import Testing

@testable import ControlPlane

@Suite struct WriteTrackerTests {
  @Test func trackerWaitsForTheCache() {
    let queue = WorkQueue<NamespacedKey>()
    let cache = ObjectCache(.pods)
    let tracker = WriteTracker(cache, queue: queue)
    let owner = NamespacedKey("default", "rs")
    func pod(_ name: String, _ version: Int, terminating: Bool = false) -> KubernetesObject {
      var pod = Samples.pod(name, terminating: terminating)
      pod.json["metadata", "resourceVersion"] = .string(String(version))
      return pod
    }
    #expect(tracker.isSettled(owner))
    tracker.wrote(pod("a", 5), for: owner)
    #expect(!tracker.isSettled(owner))
    cache.apply(.added, pod("a", 4))
    #expect(!tracker.isSettled(owner))
    cache.apply(.modified, pod("a", 6))
    #expect(tracker.isSettled(owner))
    #expect(queue.next() == owner)
    // Seen before it was noted.
    tracker.wrote(pod("a", 6), for: owner)
    #expect(tracker.isSettled(owner))
    tracker.deleted(pod("a", 6), for: owner)
    #expect(!tracker.isSettled(owner))
    cache.apply(.modified, pod("a", 7))
    #expect(!tracker.isSettled(owner))
    cache.apply(.modified, pod("a", 8, terminating: true))
    #expect(tracker.isSettled(owner))
    // Created and gone again before the cache was asked.
    tracker.wrote(pod("b", 9), for: owner)
    cache.apply(.added, pod("b", 9))
    cache.apply(.deleted, pod("b", 10))
    #expect(tracker.isSettled(owner))
  }
}
