internal import Glibc

/// State that threads share and wait on: a mutex and a condition variable with its deadlines on CLOCK_MONOTONIC. Whoever
/// changes the state wakes those who wait; `Synchronization.Mutex` is for state that nobody waits on.
package final class Monitor<State: Sendable>: @unchecked Sendable {
  // @unchecked: `state` is touched with `mutex` held; a condition variable needs its own pthread mutex.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var state: State

  /// What a look at the state gave to one who waits.
  package enum Outcome<Result> {
    case ready(Result)
    /// Nothing yet: look again after the next wake, or at a moment of `Time.monotonicSeconds`.
    case waiting(until: Double = .infinity)
  }

  package init(_ state: State) {
    self.state = state
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

  /// Reads or changes the state without waking anybody.
  package func withLock<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&state)
  }

  /// Wakes one thread that waits, if there is one.
  package func wakeOne() { pthread_cond_signal(condition) }
  /// Wakes all threads that wait.
  package func wakeAll() { pthread_cond_broadcast(condition) }

  /// Looks at the state, now and after every wake, until `body` has a result.
  package func wait<Result>(_ body: (inout State) -> Outcome<Result>) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      switch body(&state) {
      case .ready(let result): return result
      case .waiting(let moment): sleep(until: moment)
      }
    }
  }

  /// Looks at the state, now and after every wake, until `body` has a result; nil once `timeout` seconds have passed
  /// without one (no timeout: waits for ever).
  package func wait<Result>(timeout: Double?, _ body: (inout State) -> Result?) -> Result? {
    let deadline = timeout.map { Time.monotonicSeconds + $0 } ?? .infinity
    return wait { state in
      if let result = body(&state) { return .ready(result) }
      return deadline < .infinity && Time.monotonicSeconds >= deadline ? .ready(nil) : .waiting(until: deadline)
    }
  }

  private func sleep(until moment: Double) {
    // Beyond thirty years a deadline is none; time_t must not overflow.
    guard moment < 1e9 else {
      pthread_cond_wait(condition, mutex)
      return
    }
    let whole = max(0, moment).rounded(.down)
    var time = timespec(tv_sec: Int(whole), tv_nsec: Int((max(0, moment) - whole) * 1e9))
    pthread_cond_timedwait(condition, mutex, &time)
  }
}
