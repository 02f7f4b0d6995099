internal import Glibc
internal import Linux

/// Keys for several workers: a key is never with two of them at once, waits only once however often it is added, and may
/// be added for later.
final class WorkQueue<Key: Hashable & Sendable>: @unchecked Sendable {
  // @unchecked: everything mutable is behind `mutex`; a condition variable needs its own pthread mutex.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var order: [Key] = []
  private var waiting: Set<Key> = []
  private var active: Set<Key> = []
  /// Added while a worker has it.
  private var again: Set<Key> = []
  private var later: [Key: Double] = [:]
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

  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  func add(_ key: Key) {
    locked {
      enqueue(key)
      pthread_cond_signal(condition)
    }
  }

  /// Adds the key after some seconds; the earliest of several such times counts.
  func add(_ key: Key, after seconds: Double) {
    guard seconds > 0 else { return add(key) }
    locked {
      let deadline = Time.monotonicSeconds + seconds
      later[key] = min(later[key] ?? .infinity, deadline)
      // Whoever waits may wait for too long now.
      pthread_cond_broadcast(condition)
    }
  }

  private func enqueue(_ key: Key) {
    if active.contains(key) {
      again.insert(key)
    } else if waiting.insert(key).inserted {
      order.append(key)
    }
  }

  /// Waits for a key; the caller must give it back with `done`. Nil once the queue is closed.
  func next() -> Key? {
    locked {
      while !isClosed {
        let now = Time.monotonicSeconds
        for (key, deadline) in later where deadline <= now {
          later[key] = nil
          enqueue(key)
        }
        if !order.isEmpty {
          let key = order.removeFirst()
          waiting.remove(key)
          active.insert(key)
          if !order.isEmpty { pthread_cond_signal(condition) }
          return key
        }
        if let deadline = later.values.min() {
          var time = timespec(tv_sec: Int(deadline), tv_nsec: Int((deadline - deadline.rounded(.down)) * 1e9))
          pthread_cond_timedwait(condition, mutex, &time)
        } else {
          pthread_cond_wait(condition, mutex)
        }
      }
      return nil
    }
  }

  /// The worker has finished with a key.
  func done(_ key: Key) {
    locked {
      active.remove(key)
      if again.remove(key) != nil {
        enqueue(key)
        pthread_cond_signal(condition)
      }
    }
  }

  /// No more keys, also not those that wait.
  func close() {
    locked {
      isClosed = true
      pthread_cond_broadcast(condition)
    }
  }
}
