internal import Glibc

/// Keys to work on, coalesced, with delays: one worker takes one key at a time. A key that is added while it is worked on
/// comes again afterwards.
final class WorkQueue<Key: Hashable & Sendable>: @unchecked Sendable {
  // @unchecked: everything mutable is behind `mutex`; a condition variable needs its own pthread mutex.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var order: [Key] = []
  private var first = 0
  private var waiting: Set<Key> = []
  /// When delayed keys become due, on CLOCK_MONOTONIC in seconds.
  private var due: [Key: Double] = [:]
  private var failures: [Key: Int] = [:]
  private var isClosed = false

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func add(_ key: Key) {
    pthread_mutex_lock(mutex)
    push(key)
    pthread_mutex_unlock(mutex)
  }

  /// Adds the key after so many seconds, or earlier if it was to come earlier.
  func add(_ key: Key, after seconds: Double) {
    pthread_mutex_lock(mutex)
    delay(key, seconds)
    pthread_mutex_unlock(mutex)
  }

  /// Adds the key after a pause that doubles with every failure in a row: 10 ms to 30 s.
  func retry(_ key: Key) {
    pthread_mutex_lock(mutex)
    let count = failures[key, default: 0]
    failures[key] = count + 1
    delay(key, min(0.01 * Double(1 << min(count, 12)), 30) * Double.random(in: 0.5...1))
    pthread_mutex_unlock(mutex)
  }

  /// The key succeeded: its next failure pauses shortly again.
  func forget(_ key: Key) {
    pthread_mutex_lock(mutex)
    failures[key] = nil
    pthread_mutex_unlock(mutex)
  }

  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Waits for the next key; nil once the queue is closed.
  func next() -> Key? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if isClosed { return nil }
      let soonest = takeDue()
      if first < order.count {
        let key = order[first]
        first += 1
        if first > 1024, first * 2 > order.count {
          order.removeFirst(first)
          first = 0
        }
        waiting.remove(key)
        return key
      }
      if let soonest {
        var deadline = timespec()
        deadline.tv_sec = Int(soonest)
        deadline.tv_nsec = Int((soonest - soonest.rounded(.down)) * 1e9)
        pthread_cond_timedwait(condition, mutex, &deadline)
      } else {
        pthread_cond_wait(condition, mutex)
      }
    }
  }

  private func push(_ key: Key) {
    guard waiting.insert(key).inserted else { return }
    order.append(key)
    pthread_cond_signal(condition)
  }

  private func delay(_ key: Key, _ seconds: Double) {
    let time = Self.now() + seconds
    due[key] = min(due[key] ?? time, time)
    pthread_cond_signal(condition)
  }

  /// Moves keys that are due into the order and answers when the next one will be. Few keys are delayed at a time.
  private func takeDue() -> Double? {
    guard !due.isEmpty else { return nil }
    let now = Self.now()
    var soonest: Double?
    for (key, time) in due {
      if time <= now {
        due[key] = nil
        push(key)
      } else {
        soonest = min(soonest ?? time, time)
      }
    }
    return soonest
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
