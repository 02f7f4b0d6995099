package import ClusterModel
package import JSON

/// One plane of a node, as the agent runs it: on a thread of its own, with a queue of its own.
package protocol Plane: AnyObject, Sendable {
  /// A word for logs and status: `services`.
  var name: String { get }

  /// Whether a change concerns this plane.
  func wants(_ key: ChangeKey) -> Bool

  /// Told of every change that concerns it, before it is taken; for metrics. From any thread, and quickly.
  func noticed(_ keys: [ChangeKey])

  /// Makes what is there exactly what the model wants. Called once every watched kind has been listed, and again after a
  /// failure.
  func synchronize(_ model: SharedModel) throws

  /// Takes changes of single keys, after a successful `synchronize`.
  func apply(_ keys: [ChangeKey], _ model: SharedModel) throws

  /// Looks for what others changed and repairs it.
  func repair(_ model: SharedModel, _ occasion: RepairOccasion) throws

  /// Called once, before the plane's thread starts: `requestRepair` has `repair` called soon on that thread.
  func watch(_ requestRepair: @escaping @Sendable () -> Void) throws

  /// What `swiftlet status` should know beyond what the plane's runner does; null for nothing. From any thread.
  var status: JSON { get }

  /// The agent stops. What is programmed stays: a stopped agent disturbs no flow.
  func stop()
}

/// Why a plane is asked to look for drift.
package enum RepairOccasion: Sendable {
  /// Nothing has changed for a while. A plane that hears of foreign changes by itself has nothing to do.
  case routine
  /// Someone else changed what is ours, or may have.
  case foreignChange
}

extension Plane {
  package func stop() {}
  package func noticed(_ keys: [ChangeKey]) {}
  package var status: JSON { .null }
  package func watch(_ requestRepair: @escaping @Sendable () -> Void) throws {}
}
