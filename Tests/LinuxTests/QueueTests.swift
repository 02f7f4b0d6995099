import Linux
import Testing

@Suite struct QueueTests {
  @Test func keysOfWorkCoalesceInOrder() {
    let queue = WorkQueue<Int>()
    for key in [1, 2, 1, 3, 2] { queue.add(key) }
    #expect([queue.next(), queue.next(), queue.next()] == [1, 2, 3])
    queue.done(1)
    queue.add(1)
    #expect(queue.next() == 1)
  }

  @Test func delayedKeysComeInTheirTime() {
    let queue = WorkQueue<Int>()
    queue.add(9, after: 3600)
    queue.add(2, after: 0.05)
    queue.add(1)
    #expect(queue.next() == 1)
    #expect(queue.next() == 2)
    queue.add(9, after: 0.01)
    #expect(queue.next() == 9)
  }

  @Test func failuresComeAgain() {
    let queue = WorkQueue<Int>()
    for _ in 0..<3 {
      queue.retry(1)
      #expect(queue.next() == 1)
      queue.done(1)
    }
    queue.forget(1)
    queue.close()
    #expect(queue.next() == nil)
  }

  @Test func workIsNeverDoneTwiceAtOnceAndNeverLost() {
    let queue = WorkQueue<String>()
    queue.add("a")
    queue.add("a")
    queue.add("b", after: 0.05)
    #expect(queue.next() == "a")
    queue.add("a")
    // While "a" is at work it is not given out again, though it waits.
    #expect(queue.next() == "b")
    queue.done("a")
    #expect(queue.next() == "a")
    queue.add("c")
    queue.close()
    #expect(queue.next() == nil)
  }

  /// More keys than the queue keeps of what was taken, through several workers: each exactly once.
  @Test func severalWorkersShareTheKeys() {
    let queue = WorkQueue<Int>()
    let seen = Monitor<[Int: Int]>([:])
    let workers = (0..<4).map { index in
      Thread("worker-\(index)") {
        while let key = queue.next() {
          seen.withLock { $0[key, default: 0] += 1 }
          seen.wakeAll()
          queue.done(key)
        }
      }
    }
    let keys = 0..<5000
    for key in keys { if key.isMultiple(of: 7) { queue.add(key, after: 0.01) } else { queue.add(key) } }
    let all = seen.wait(timeout: 60) { $0.count == keys.count ? $0 : nil }
    queue.close()
    for worker in workers { worker.join() }
    #expect(all?.values.allSatisfy { $0 == 1 } == true)
  }

  @Test func planesTakeAllKeysAtOnce() {
    let queue = KeyedQueue<Int>()
    #expect(queue.next(timeout: 0) == [])
    queue.add([3, 1, 3])
    queue.add(1)
    #expect(queue.next() == [3, 1])
    queue.add(2)
    queue.close()
    #expect(queue.next() == [2])
    #expect(queue.next(timeout: 0) == nil)
  }

  @Test func mailboxKeepsOrderAndRepetitions() {
    let mailbox = Mailbox<Int>()
    #expect(mailbox.take(timeout: 0.01) == [])
    for item in [1, 1, 2] { mailbox.put(item) }
    #expect(mailbox.take(timeout: 60) == [1, 1, 2])
  }

  @Test func gateOpensOnceForAll() {
    let gate = Gate()
    #expect(!gate.wait(timeout: 0.01) && !gate.isOpen)
    let opener = Thread("opener") { gate.open() }
    #expect(gate.wait(timeout: 1e12) && gate.isOpen && gate.wait(timeout: 0))
    opener.join()
  }

  @Test func monitorWaitsForAState() {
    let monitor = Monitor(0)
    let counter = Thread("counter") {
      for _ in 0..<100 {
        monitor.withLock { $0 += 1 }
        monitor.wakeOne()
      }
    }
    #expect(monitor.wait(timeout: nil) { $0 == 100 ? "done" : nil } == "done")
    #expect(monitor.wait(timeout: 0.01) { $0 > 100 ? $0 : nil } == nil)
    counter.join()
  }
}
