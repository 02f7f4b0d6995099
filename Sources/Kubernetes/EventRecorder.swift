internal import JSON
internal import Linux
internal import Synchronization

/// Writes Events (v1) about objects, on a thread of its own: whoever records one never waits, and recording never fails.
/// The same event again raises the count of the one that is there. When the API server does not answer, events are lost.
package final class EventRecorder: Sendable {
  package enum Severity: String, Sendable {
    case normal = "Normal"
    case warning = "Warning"
  }

  private struct Key: Hashable, Sendable {
    var object: ObjectReference
    var severity: Severity
    var reason: String
    var message: String
  }

  private struct Entry: Sendable {
    var name: String
    var resourceVersion: String
    var first: Timestamp
    var last: Timestamp
    var count = 0
    /// The count the API server knows; 0 for an event it does not have yet.
    var written = 0
  }

  /// How many different events are remembered for counting. When they are more, those that are written are forgotten.
  private static let capacity = 4096

  private let client: APIClient
  private let component: String
  private let host: String
  private let onError: (@Sendable (String) -> Void)?
  private let entries = Mutex<[Key: Entry]>([:])
  private let queue = KeyedQueue<Key>()
  private let ended = Gate()

  /// Starts the thread, which keeps the recorder alive until `stop`. `component` becomes `source.component`, `host` the
  /// node in `source.host` (empty: none). `onError` is told which event was lost and why.
  package init(
    _ client: APIClient, component: String, host: String = "", onError: (@Sendable (String) -> Void)? = nil
  ) {
    self.client = client
    self.component = component
    self.host = host
    self.onError = onError
    _ = Thread("events") { [self] in
      while let keys = queue.next() { for key in keys { write(key) } }
      ended.open()
    }
  }

  /// No more events: what was recorded so far is still written, then the thread ends.
  package func stop() { queue.close() }

  /// Waits for the end that `stop` asked for.
  package func waitUntilEnded() { ended.wait(timeout: .infinity) }

  /// `reason` is one word in CamelCase, `message` a sentence for people. `fieldPath` names a part of the object, such as
  /// `spec.containers{web}`.
  package func record(
    _ object: KubernetesObject, _ severity: Severity = .normal, reason: String, message: String,
    fieldPath: String = ""
  ) {
    record(
      ObjectReference(object, fieldPath: fieldPath), severity, reason: reason, message: message,
      resourceVersion: object.resourceVersion)
  }

  /// The same for an object that is known by reference only.
  package func record(
    _ object: ObjectReference, _ severity: Severity = .normal, reason: String, message: String,
    resourceVersion: String = ""
  ) {
    let key = Key(object: object, severity: severity, reason: reason, message: String(message.prefix(1024)))
    let now = Timestamp.now()
    entries.withLock { entries in
      if entries[key] == nil, entries.count >= Self.capacity {
        entries = entries.filter { $0.value.written < $0.value.count }
      }
      var entry = entries[key] ?? Entry(name: Self.name(object, now), resourceVersion: "", first: now, last: now)
      entry.resourceVersion = resourceVersion
      entry.last = now
      entry.count += 1
      entries[key] = entry
    }
    queue.add(key)
  }

  private static func name(_ object: ObjectReference, _ moment: Timestamp) -> String {
    "\(object.name.isEmpty ? "object" : object.name).\(String(UInt64(bitPattern: moment.nanoseconds), radix: 16))"
  }

  private func write(_ key: Key) {
    guard let entry = entries.withLock({ $0[key] }), entry.written < entry.count else { return }
    let namespace = key.object.namespace.isEmpty ? "default" : key.object.namespace
    do {
      if entry.written > 0 {
        let patch: JSON = ["count": .int(Int64(entry.count)), "lastTimestamp": .string(entry.last.description)]
        do {
          try client.patch(.events, namespace: namespace, name: entry.name, .merge, patch)
        } catch let status as APIStatus where status.isNotFound {
          // The server forgets events after a while; this one begins anew.
          let fresh = Entry(
            name: Self.name(key.object, entry.last), resourceVersion: entry.resourceVersion, first: entry.last,
            last: entry.last, count: 1)
          try client.create(.events, event(key, fresh, namespace))
          return entries.withLock { entries in
            let later = (entries[key]?.count ?? entry.count) - entry.count
            entries[key] = fresh
            entries[key]?.count += later
            entries[key]?.written = 1
          }
        }
      } else {
        try client.create(.events, event(key, entry, namespace))
      }
      entries.withLock { $0[key]?.written = entry.count }
    } catch let status as APIStatus where status.isAlreadyExists {
      // Written before, by a request whose answer was lost.
      entries.withLock { $0[key]?.written = entry.count }
    } catch {
      entries.withLock { _ = $0.removeValue(forKey: key) }
      onError?("event \(key.reason) of \(key.object.namespace)/\(key.object.name) was not written: \(error)")
    }
  }

  private func event(_ key: Key, _ entry: Entry, _ namespace: String) -> KubernetesObject {
    var source: JSON = ["component": .string(component)]
    if !host.isEmpty { source["host"] = .string(host) }
    var event = KubernetesObject(.events, namespace: namespace, name: entry.name)
    event.json["involvedObject"] = key.object.json(resourceVersion: entry.resourceVersion)
    event.json["reason"] = .string(key.reason)
    event.json["message"] = .string(key.message)
    event.json["type"] = .string(key.severity.rawValue)
    event.json["count"] = .int(Int64(entry.count))
    event.json["firstTimestamp"] = .string(entry.first.description)
    event.json["lastTimestamp"] = .string(entry.last.description)
    event.json["source"] = source
    event.json["reportingComponent"] = .string(component)
    event.json["reportingInstance"] = .string(host)
    return event
  }
}
