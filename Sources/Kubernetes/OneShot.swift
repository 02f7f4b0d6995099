internal import Glibc

/// A value that one thread sets once and another waits for.
final class OneShot<Value: Sendable>: @unchecked Sendable {
  // @unchecked: the semaphore orders the write before the read.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  private var value: Value?

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func set(_ value: Value) {
    self.value = value
    sem_post(semaphore)
  }

  func wait() -> Value {
    while sem_wait(semaphore) == -1 {}  // a signal came between
    return value!
  }
}
