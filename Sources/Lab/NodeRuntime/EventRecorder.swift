internal import JSON
internal import Kubernetes
internal import Linux
internal import Synchronization

/// Writes Events about pods and the node, on a thread of its own: whoever tells one never waits. The same event again
/// raises a count instead of adding an object.
final class EventRecorder: Sendable {
  enum Kind: String, Sendable {
    case normal = "Normal"
    case warning = "Warning"
  }

  /// What an Event is about.
  struct Subject: Hashable, Sendable {
    var kind: String
    var namespace: String
    var name: String
    var uid: String
    /// `spec.containers{NAME}`; empty for the whole object.
    var fieldPath = ""
  }

  private struct Key: Hashable, Sendable {
    var subject: Subject
    var kind: Kind
    var reason: String
    var message: String
  }

  private struct Entry {
    var name: String
    var first: Timestamp
    var last: Timestamp
    var count = 0
    var isStored = false
  }

  /// Events that are remembered for counting; beyond that the memory is dropped and counting begins anew.
  private static let capacity = 2000

  private let client: APIClient
  private let nodeName: String
  private let log: @Sendable (String) -> Void
  private let entries = Mutex<[Key: Entry]>([:])
  private let queue = KeyedQueue<Key>()

  init(_ client: APIClient, nodeName: String, log: @escaping @Sendable (String) -> Void) {
    self.client = client
    self.nodeName = nodeName
    self.log = log
  }

  func start() -> Thread {
    Thread("events") { [self] in
      while let keys = queue.next() { for key in keys { write(key) } }
    }
  }

  /// No more events; what waits is still written, then the thread ends.
  func close() { queue.close() }

  func tell(_ subject: Subject, _ kind: Kind, _ reason: String, _ message: String) {
    let key = Key(subject: subject, kind: kind, reason: reason, message: String(message.prefix(1024)))
    let now = Timestamp.now()
    entries.withLock { entries in
      if entries.count >= Self.capacity { entries = [:] }
      var entry =
        entries[key]
        ?? Entry(name: "\(subject.name).\(String(UInt64(now.nanoseconds), radix: 16))", first: now, last: now)
      entry.last = now
      entry.count += 1
      entries[key] = entry
    }
    queue.add(key)
  }

  private func write(_ key: Key) {
    guard let entry = entries.withLock({ $0[key] }) else { return }
    let namespace = key.subject.namespace.isEmpty ? "default" : key.subject.namespace
    do {
      if entry.isStored {
        try client.patch(
          .events, namespace: namespace, name: entry.name, .merge,
          ["count": .int(Int64(entry.count)), "lastTimestamp": .string(entry.last.description)])
        return
      }
      try client.create(.events, event(key, entry, namespace))
    } catch let status as APIStatus where status.isAlreadyExists || status.isNotFound {
      // Written by an answer that was lost, or expired meanwhile: nothing to mend.
    } catch {
      log("event \(key.reason) of \(key.subject.namespace)/\(key.subject.name) was not written: \(error)")
      return
    }
    entries.withLock { $0[key]?.isStored = true }
  }

  private func event(_ key: Key, _ entry: Entry, _ namespace: String) -> KubernetesObject {
    let subject = key.subject
    var involved: JSON = [
      "apiVersion": "v1", "kind": .string(subject.kind), "name": .string(subject.name), "uid": .string(subject.uid),
    ]
    if !subject.namespace.isEmpty { involved["namespace"] = .string(subject.namespace) }
    if !subject.fieldPath.isEmpty { involved["fieldPath"] = .string(subject.fieldPath) }
    return KubernetesObject([
      "apiVersion": "v1", "kind": "Event",
      "metadata": ["name": .string(entry.name), "namespace": .string(namespace)], "involvedObject": involved,
      "type": .string(key.kind.rawValue), "reason": .string(key.reason), "message": .string(key.message),
      "source": ["component": "kubelet", "host": .string(nodeName)],
      "firstTimestamp": .string(entry.first.description), "lastTimestamp": .string(entry.last.description),
      "count": .int(Int64(entry.count)), "reportingComponent": "kubelet", "reportingInstance": .string(nodeName),
    ])
  }
}
