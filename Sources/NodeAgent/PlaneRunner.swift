internal import ClusterModel
internal import JSON
internal import Kubernetes
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
    /// When the failures in a row began, and when the plane's thread last took or looked for work, in seconds of the
    /// monotonic clock.
    package var failingSince: Double?
    package var lastSign = Time.monotonicSeconds

    package init() {}
  }

  /// Seconds between two looks for drift while nothing changes.
  private static let repairInterval = 10.0

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
    if wanted.isEmpty {
      if !currentStatus.hasSynced { queue.add(nil) }
    } else {
      plane.noticed(Array(wanted))
      queue.add(wanted.map { $0 })
    }
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
    // What a plane cannot do on one node, it often cannot do on any, because of the API server.
    var backoff = Backoff(first: 0.5, longest: 30)
    var pause: Double?
    while let keys = queue.next(timeout: pause ?? Self.repairInterval) {
      status.withLock { $0.lastSign = Time.monotonicSeconds }
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
          status.failingSince = nil
          status.lastSign = Time.monotonicSeconds
          status.changes += keys.count
        }
        if pause != nil { log.info("works again") }
        pause = nil
        backoff.reset()
      } catch {
        status.withLock { status in
          status.failure = "\(error)"
          status.failingSince = status.failingSince ?? Time.monotonicSeconds
        }
        let next = backoff.pause(atLeast: (error as? APIStatus)?.retryAfter)
        log.error("\(error); everything is synchronized again in \(Int(next.rounded(.up))) s")
        pause = next
        isSynchronized = false
      }
    }
  }
}
