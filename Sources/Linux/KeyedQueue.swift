/// A queue of keys that coalesces: a key that waits already is not added again. One plane, one queue: what changed is
/// remembered as keys, and whoever takes them compiles the newest state once, however many changes there were.
package final class KeyedQueue<Key: Hashable & Sendable>: Sendable {
  private struct State {
    var order: [Key] = []
    var waiting: Set<Key> = []
    var isClosed = false
  }

  private let state = Monitor(State())

  package init() {}

  package func add(_ key: Key) { add(CollectionOfOne(key)) }

  package func add(_ keys: some Sequence<Key>) {
    state.withLock { state in
      for key in keys where state.waiting.insert(key).inserted { state.order.append(key) }
    }
    state.wakeOne()
  }

  /// No more keys: `next` returns what is left, then nil.
  package func close() {
    state.withLock { $0.isClosed = true }
    state.wakeAll()
  }

  /// Waits for keys and takes all of them, in the order they came. Returns an empty array after `timeout` seconds without
  /// any, and nil once the queue is closed and empty.
  package func next(timeout: Double? = nil) -> [Key]? {
    let keys: [Key]?? = state.wait(timeout: timeout) { state -> [Key]?? in
      if state.order.isEmpty { return state.isClosed ? .some(nil) : nil }
      defer {
        state.order = []
        state.waiting = []
      }
      return state.order
    }
    return keys ?? []
  }
}
