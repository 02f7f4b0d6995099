internal import Glibc

/// Closed at first; once opened it stays open and lets everyone pass who waits.
package final class Gate: @unchecked Sendable {
  // @unchecked: the flag is behind `mutex`; a condition variable needs its own pthread mutex.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var flag = false

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

  package var isOpen: Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return flag
  }

  package func open() {
    pthread_mutex_lock(mutex)
    flag = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Waits until the gate is open, at most `timeout` seconds, and answers whether it is.
  @discardableResult
  package func wait(timeout: Double) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    let bounded = min(timeout, 1e9)
    let nanoseconds = deadline.tv_nsec + Int(bounded.truncatingRemainder(dividingBy: 1) * 1e9)
    deadline.tv_sec += Int(bounded) + nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !flag {
      if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
    }
    return flag
  }
}
