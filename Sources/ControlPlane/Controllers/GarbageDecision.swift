internal import Kubernetes

/// What becomes of an object whose owners are in some state. Pure; the rules of Kubernetes' garbage collection.
enum GarbageDecision: Equatable {
  case keep
  /// Take the references to these owners (uids) away; others hold the object.
  case dropOwners([String])
  case delete(foreground: Bool)

  enum OwnerState {
    /// It is there, or nobody can tell.
    case solid
    /// It is gone, or another object has its name.
    case absent
    /// It is being deleted in the foreground and waits for its dependents.
    case waiting
  }

  /// `hasDependents`: whether objects depend on this one in turn.
  static func decide(_ owners: [(uid: String, state: OwnerState)], hasDependents: Bool) -> GarbageDecision {
    guard !owners.isEmpty else { return .keep }
    let gone = owners.filter { $0.state != .solid }
    if gone.isEmpty { return .keep }
    if gone.count < owners.count { return .dropOwners(gone.map(\.uid)) }
    return .delete(foreground: hasDependents && gone.contains { $0.state == .waiting })
  }
}
