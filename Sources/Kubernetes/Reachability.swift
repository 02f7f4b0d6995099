internal import Synchronization

/// Whether an API server could be reached when it was last tried, and who is told when it can be again.
final class Reachability: Sendable {
  private struct Observer: Sendable {
    weak var object: (any ReturnObserver)?
  }

  private struct State {
    var isAway = false
    var observers: [Observer] = []
  }

  private let state = Mutex(State())

  func observe(_ observer: any ReturnObserver) {
    state.withLock { state in
      state.observers.removeAll { $0.object == nil }
      state.observers.append(Observer(object: observer))
    }
  }

  /// Nobody accepts connections there, or the way is cut.
  func failed() { state.withLock { $0.isAway = true } }

  /// The server began to answer.
  func answered() {
    let observers = state.withLock { state -> [Observer] in
      guard state.isAway else { return [] }
      state.isAway = false
      return state.observers
    }
    for observer in observers { observer.object?.serverReturned() }
  }
}
