internal import CLinux
internal import Glibc

/// A queue of keys that coalesces: a key that waits already is not added again. One plane, one queue: what changed is
/// remembered as keys, and whoever takes them compiles the newest state once, however many changes there were.
package final class KeyedQueue<Key: Hashable & Sendable>: @unchecked Sendable {
  // @unchecked: everything mutable is behind `mutex`; a condition variable needs its own pthread mutex.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var order: [Key] = []
  private var waiting: Set<Key> = []
  private var isClosed = false

  package init() {
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

  package func add(_ key: Key) { add(CollectionOfOne(key)) }

  package func add(_ keys: some Sequence<Key>) {
    pthread_mutex_lock(mutex)
    for key in keys where waiting.insert(key).inserted { order.append(key) }
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// No more keys: `next` returns what is left, then nil.
  package func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Waits for keys and takes all of them, in the order they came. Returns an empty array after `timeout` seconds without
  /// any, and nil once the queue is closed and empty.
  package func next(timeout: Double? = nil) -> [Key]? {
    var deadline = timespec()
    if let timeout {
      clock_gettime(CLOCK_MONOTONIC, &deadline)
      let nanoseconds = deadline.tv_nsec + Int(timeout.truncatingRemainder(dividingBy: 1) * 1e9)
      deadline.tv_sec += Int(timeout) + nanoseconds / 1_000_000_000
      deadline.tv_nsec = nanoseconds % 1_000_000_000
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while order.isEmpty && !isClosed {
      if timeout == nil {
        pthread_cond_wait(condition, mutex)
      } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
        break
      }
    }
    if order.isEmpty { return isClosed ? nil : [] }
    let keys = order
    order = []
    waiting = []
    return keys
  }
}
