internal import Kubernetes
internal import Linux

/// Namespace and name, as the Kubernetes room has them; the store's own `ObjectKey` also names the kind.
typealias NamespacedKey = Kubernetes.ObjectKey

/// One loop of the control plane: keys come in by observers of the caches, `reconcile` makes the world of a key as it
/// should be. An error means: again, later.
protocol Controller: AnyObject, Sendable {
  /// What the queue holds: the object to reconcile.
  associatedtype Key: Hashable, Sendable, CustomStringConvertible

  var name: String { get }
  var queue: WorkQueue<Key> { get }
  /// Connects the controller's queue to the caches, before these start.
  func observe()
  func reconcile(_ key: Key) throws
}

extension Controller {
  /// Ends `run` after the key it works on.
  func stop() { queue.close() }

  /// Works until the queue is closed.
  func run(log: @Sendable (String) -> Void) {
    while let key = queue.next() {
      do {
        try reconcile(key)
        queue.forget(key)
      } catch {
        queue.retry(key)
        if !Self.isOrdinary(error) { log("\(name): \(key): \(error)") }
      }
      queue.done(key)
    }
  }

  /// Conflicts and vanished objects are what retries are for; they are not worth a line.
  private static func isOrdinary(_ error: any Error) -> Bool {
    switch error {
    case let status as APIStatus:
      status.isConflict || status.isNotFound || status.isAlreadyExists || status.isNamespaceTerminating
    case let transport as TransportError: transport.reason == .cancelled
    default: false
    }
  }
}
