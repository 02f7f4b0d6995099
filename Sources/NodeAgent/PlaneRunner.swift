internal import ClusterModel
internal import JSON
internal import Linux
internal import Synchronization

/// Runs one plane: collects changed keys, applies them on the plane's own thread, and after a failure synchronizes as a
/// whole, waiting longer each time.
package final class PlaneRunner: Sendable {
  /// What a plane is doing, for health and status.
  package struct Status: Sendable {
    package var hasSynced = false
    /// The error of the last try; nil if it succeeded.
    package var failure: String?
    package var changes = 0
  }

  /// Seconds between two looks for drift while nothing changes.
  private static let repairInterval = 10.0
  private static let shortestBackoff = 0.25
  private static let longestBackoff = 30.0

  private let plane: any Plane
  private let model: SharedModel
  private let queue = KeyedQueue<ChangeKey?>()
  private let status = Mutex(Status())
  private let thread: Mutex<Thread?> = Mutex(nil)
  private let log: Log

  package init(_ plane: any Plane, model: SharedModel) {
    self.plane = plane
    self.model = model
    log = Log("agent \(plane.name)")
    model.observe { [weak self] keys in self?.notice(keys) }
  }

  package var name: String { plane.name }
  package var currentStatus: Status { status.withLock { $0 } }

  /// What the runner and the plane itself know, for `swiftlet status`.
  var report: JSON {
    let current = currentStatus
    var json: JSON = [
      "name": .string(name), "synced": .bool(current.hasSynced), "changes": .int(Int64(current.changes)),
    ]
    if let failure = current.failure { json["failure"] = .string(failure) }
    let own = plane.status
    if !own.isNull { json["status"] = own }
    return json
  }

  private func notice(_ keys: Set<ChangeKey>) {
    let wanted = keys.filter(plane.wants)
    // The empty key wakes the thread for the first synchronization; later it asks for a repair.
    if wanted.isEmpty { if !currentStatus.hasSynced { queue.add(nil) } } else { queue.add(wanted.map { $0 }) }
  }

  package func start() {
    do {
      try plane.watch { [weak self] in self?.queue.add(nil) }
    } catch {
      log.error("\(error); changes by others are noticed only when something else changes")
    }
    thread.withLock { $0 = Thread("plane \(plane.name)") { [self] in run() } }
  }

  /// Lets the plane finish what it is doing and waits for its thread.
  package func stop() {
    queue.close()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    plane.stop()
  }

  private func run() {
    var isSynchronized = false
    var backoff = Self.shortestBackoff
    var hasFailed = false
    while let keys = queue.next(timeout: hasFailed ? backoff : Self.repairInterval) {
      guard model.hasSynced else { continue }
      do {
        if !isSynchronized {
          try plane.synchronize(model)
          isSynchronized = true
        } else {
          let changes = keys.compactMap { $0 }
          if !changes.isEmpty { try plane.apply(changes, model) }
          if keys.contains(nil) {
            try plane.repair(model, .foreignChange)
          } else if keys.isEmpty {
            try plane.repair(model, .routine)
          }
        }
        status.withLock { status in
          status.hasSynced = true
          status.failure = nil
          status.changes += keys.count
        }
        if hasFailed { log.info("works again") }
        hasFailed = false
        backoff = Self.shortestBackoff
      } catch {
        status.withLock { $0.failure = "\(error)" }
        if hasFailed { backoff = min(backoff * 2, Self.longestBackoff) }
        log.error("\(error); everything is synchronized again in \(backoff) s")
        hasFailed = true
        isSynchronized = false
      }
    }
  }
}
