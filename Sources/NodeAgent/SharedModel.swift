package import ClusterModel
package import JSON
package import Linux
internal import Synchronization

/// The cluster's state as one agent knows it, shared by the planes' threads: one writer (the watches), many readers, each
/// for as long as it takes to copy the values it compiles.
package final class SharedModel: Sendable {
  private struct State {
    var cluster = ClusterState()
    /// Kinds whose first complete list has not come yet.
    var missing: Set<ModelKind>
    /// Lists that are being read.
    var lists: [ModelKind: ClusterState.Replacement] = [:]
  }

  private let state: Mutex<State>
  private let log: Log
  private let onProblem: Mutex<(@Sendable (ModelError) -> Void)?> = Mutex(nil)
  private let onChange: Mutex<[@Sendable (Set<ChangeKey>) -> Void]> = Mutex([])

  /// `kinds` are the kinds that must have been listed once before any plane writes anything.
  package init(kinds: Set<ModelKind>, log: Log = Log("agent model")) {
    self.log = log
    state = Mutex(State(missing: kinds))
  }

  /// Every kind has been listed once.
  package var hasSynced: Bool { state.withLock { $0.missing.isEmpty } }

  /// A kind has been listed once.
  package func hasListed(_ kind: ModelKind) -> Bool { state.withLock { !$0.missing.contains(kind) } }

  /// Reads values under the lock; keep it short, and take values out, not the state.
  package func read<Result>(_ body: (ClusterState) throws -> sending Result) rethrows -> sending Result {
    try state.withLock { try body($0.cluster) }
  }

  /// Calls back with every set of changed keys, on the thread that brought them. The first complete list of the last kind
  /// is a change too, with whatever keys it had.
  package func observe(_ body: @escaping @Sendable (Set<ChangeKey>) -> Void) {
    onChange.withLock { $0.append(body) }
  }

  /// Calls back with every field that does not hold what the API says it holds.
  package func onProblem(_ body: @escaping @Sendable (ModelError) -> Void) { onProblem.withLock { $0 = body } }

  package func replace(_ kind: ModelKind, with objects: [JSON]) {
    let (changes, completed) = state.withLock { state in
      let changes = state.cluster.replace(kind, with: objects)
      let completed = state.missing.remove(kind) != nil && state.missing.isEmpty
      return (changes, completed)
    }
    publish(changes, even: completed)
  }

  /// A complete list follows, object by object; one that was begun and not ended counts no more.
  package func beginReplacing(_ kind: ModelKind) {
    state.withLock { state in
      // What a list that broke off has changed is told with the end of this one.
      var list = state.cluster.beginReplacing(kind)
      if let earlier = state.lists[kind] { list.inherit(earlier) }
      state.lists[kind] = list
    }
  }

  package func replace(_ kind: ModelKind, _ object: JSON) {
    state.withLock { state in
      guard var list = state.lists.removeValue(forKey: kind) else { return }
      state.cluster.replace(object, &list)
      state.lists[kind] = list
    }
  }

  /// Ends a list: what it lacked is gone, and all that it changed is told.
  package func endReplacing(_ kind: ModelKind) {
    let (changes, completed) = state.withLock { state in
      guard let list = state.lists.removeValue(forKey: kind) else { return (StateChanges(), false) }
      let changes = state.cluster.endReplacing(list)
      return (changes, state.missing.remove(kind) != nil && state.missing.isEmpty)
    }
    publish(changes, even: completed)
  }

  package func apply(_ kind: ModelKind, _ event: ModelEvent) {
    publish(state.withLock { $0.cluster.apply(kind, event) }, even: false)
  }

  private func publish(_ changes: StateChanges, even always: Bool) {
    if !changes.problems.isEmpty {
      let tell = onProblem.withLock { $0 }
      for problem in changes.problems {
        log.warning("\(problem)")
        tell?(problem)
      }
    }
    guard always || !changes.keys.isEmpty else { return }
    for callback in onChange.withLock({ $0 }) { callback(changes.keys) }
  }
}
