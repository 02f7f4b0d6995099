internal import Synchronization

/// The shared state of `concurrentMap`: items are taken by index, results are stored by index.
final class ConcurrentMap<Item: Sendable, Value: Sendable>: Sendable {
  private struct State {
    var next = 0
    var results: [Int: Result<Value, any Error>] = [:]
  }

  private let items: [Item]
  private let body: @Sendable (Item) throws -> Value
  private let state = Mutex(State())

  init(_ items: [Item], _ body: @escaping @Sendable (Item) throws -> Value) {
    self.items = items
    self.body = body
  }

  /// Takes items until none is left.
  func work() {
    while true {
      let index = state.withLock { state in
        defer { state.next += 1 }
        return state.next
      }
      guard items.indices.contains(index) else { return }
      let result = Result { try body(items[index]) }
      state.withLock { $0.results[index] = result }
    }
  }

  func results() throws -> [Value] {
    let results = state.withLock { $0.results }
    return try items.indices.map { try results[$0]!.get() }
  }
}
