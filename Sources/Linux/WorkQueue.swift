/// Keys for one worker or several: a key is never with two of them at once, waits only once however often it is added,
/// may be added for later, and comes again after a growing pause when it fails.
package final class WorkQueue<Key: Hashable & Sendable>: Sendable {
  fileprivate struct State {
    /// Keys that wait, from `first` on; what stands before has been taken.
    var order: [Key] = []
    var first = 0
    var waiting: Set<Key> = []
    var active: Set<Key> = []
    /// Added while a worker has them.
    var again: Set<Key> = []
    /// When delayed keys become due, in monotonic seconds. Few keys are delayed at a time.
    var later: [Key: Double] = [:]
    var failures: [Key: Int] = [:]
    var isClosed = false
  }

  private let state = Monitor(State())

  package init() {}

  package func add(_ key: Key) {
    state.withLock { $0.enqueue(key) }
    state.wakeOne()
  }

  /// Adds the key after some seconds; the earliest of several such times counts.
  package func add(_ key: Key, after seconds: Double) {
    guard seconds > 0 else { return add(key) }
    state.withLock { $0.delay(key, seconds) }
    // Whoever waits may wait for too long now.
    state.wakeAll()
  }

  /// Adds the key after a pause that doubles with every failure in a row: 10 ms to 30 s.
  package func retry(_ key: Key) {
    state.withLock { state in
      let count = state.failures[key, default: 0]
      state.failures[key] = count + 1
      state.delay(key, min(0.01 * Double(1 << min(count, 12)), 30) * Double.random(in: 0.5...1))
    }
    state.wakeAll()
  }

  /// The key succeeded: its next failure pauses shortly again.
  package func forget(_ key: Key) { state.withLock { $0.failures[key] = nil } }

  /// Waits for a key; the caller must give it back with `done`. Nil once the queue is closed.
  package func next() -> Key? {
    state.wait { state in
      if state.isClosed { return .ready(nil) }
      let soonest = state.takeDue()
      return state.take().map { .ready($0) } ?? .waiting(until: soonest)
    }
  }

  /// The worker has finished with a key.
  package func done(_ key: Key) {
    let isAgain = state.withLock { state in
      state.active.remove(key)
      guard state.again.remove(key) != nil else { return false }
      state.enqueue(key)
      return true
    }
    if isAgain { state.wakeOne() }
  }

  /// No more keys, also not those that wait.
  package func close() {
    state.withLock { $0.isClosed = true }
    state.wakeAll()
  }
}

extension WorkQueue.State {
  fileprivate mutating func enqueue(_ key: Key) {
    if active.contains(key) {
      again.insert(key)
    } else if waiting.insert(key).inserted {
      order.append(key)
    }
  }

  fileprivate mutating func delay(_ key: Key, _ seconds: Double) {
    later[key] = min(later[key] ?? .infinity, Time.monotonicSeconds + seconds)
  }

  /// Moves keys that are due into the order and answers when the next one will be.
  fileprivate mutating func takeDue() -> Double {
    guard !later.isEmpty else { return .infinity }
    let now = Time.monotonicSeconds
    var soonest = Double.infinity
    for (key, moment) in later {
      if moment <= now {
        later[key] = nil
        enqueue(key)
      } else {
        soonest = min(soonest, moment)
      }
    }
    return soonest
  }

  fileprivate mutating func take() -> Key? {
    guard first < order.count else { return nil }
    let key = order[first]
    first += 1
    if first == order.count || first > 1024 && first * 2 > order.count {
      order.removeFirst(first)
      first = 0
    }
    waiting.remove(key)
    active.insert(key)
    return key
  }
}
