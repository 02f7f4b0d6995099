package import ClusterModel

/// One plane of a node, as the agent runs it: on a thread of its own, with a queue of its own.
package protocol Plane: AnyObject, Sendable {
  /// A word for logs and status: `services`.
  var name: String { get }

  /// Whether a change concerns this plane.
  func wants(_ key: ChangeKey) -> Bool

  /// Makes what is there exactly what the model wants. Called once every watched kind has been listed, and again after a
  /// failure.
  func synchronize(_ model: SharedModel) throws

  /// Takes changes of single keys, after a successful `synchronize`.
  func apply(_ keys: [ChangeKey], _ model: SharedModel) throws

  /// Looks for what others changed and repairs it. Called now and then while nothing else happens.
  func repair(_ model: SharedModel) throws

  /// The agent stops. What is programmed stays: a stopped agent disturbs no flow.
  func stop()
}

extension Plane {
  package func stop() {}
}
