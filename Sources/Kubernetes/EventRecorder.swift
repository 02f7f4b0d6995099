internal import JSON
internal import Linux

/// Writes Events (v1) about objects, from a thread of its own. The same event again raises the count of the one that is
/// there. Recording never fails and never waits; when the API server does not answer, events are lost.
package final class EventRecorder: Sendable {
  package enum Severity: String, Sendable {
    case normal = "Normal"
    case warning = "Warning"
  }

  private struct Entry: Hashable, Sendable {
    var object: JSON
    var namespace: String
    var severity: Severity
    var reason: String
    var message: String
  }

  private struct Known {
    var name: String
    var count: Int
  }

  /// How many different events are remembered for counting; the oldest half is forgotten beyond that.
  private static let memory = 4096

  private let client: APIClient
  private let component: String
  private let host: String
  private let mailbox = Mailbox<Entry?>()

  /// `component` becomes `source.component`, `host` the node in `source.host` (empty: none).
  package init(_ client: APIClient, component: String, host: String = "") {
    self.client = client
    self.component = component
    self.host = host
    _ = Thread("events") { [mailbox] in
      var known: [Entry: Known] = [:]
      var order: [Entry] = []
      while true {
        for entry in mailbox.take(timeout: 3600) {
          guard let entry else { return }
          Self.write(entry, client, component: component, host: host, &known, &order)
        }
      }
    }
  }

  deinit { mailbox.put(nil) }

  /// Ends the thread after what was recorded so far.
  package func stop() { mailbox.put(nil) }

  /// `reason` is one word in CamelCase, `message` a sentence for people. `fieldPath` names a part of the object, such as
  /// `spec.containers{web}`.
  package func record(
    _ object: KubernetesObject, _ severity: Severity = .normal, reason: String, message: String,
    fieldPath: String? = nil
  ) {
    var reference: JSON = [
      "apiVersion": .string(object.apiVersion), "kind": .string(object.kind), "name": .string(object.name),
    ]
    if !object.namespace.isEmpty { reference["namespace"] = .string(object.namespace) }
    if !object.uid.isEmpty { reference["uid"] = .string(object.uid) }
    if !object.resourceVersion.isEmpty { reference["resourceVersion"] = .string(object.resourceVersion) }
    if let fieldPath { reference["fieldPath"] = .string(fieldPath) }
    mailbox.put(
      Entry(
        object: reference, namespace: object.namespace.isEmpty ? "default" : object.namespace, severity: severity,
        reason: reason, message: message))
  }

  private static func write(
    _ entry: Entry, _ client: APIClient, component: String, host: String, _ known: inout [Entry: Known],
    _ order: inout [Entry]
  ) {
    var key = entry
    key.object["resourceVersion"] = .null  // the same event about a later version counts as the same
    let now = Timestamp.now()
    if var earlier = known[key] {
      earlier.count += 1
      known[key] = earlier
      let patch: JSON = ["count": .int(Int64(earlier.count)), "lastTimestamp": .string(now.description)]
      if (try? client.patch(.events, namespace: entry.namespace, name: earlier.name, .merge, patch)) != nil { return }
    }
    let suffix = String(UInt64(bitPattern: now.nanoseconds), radix: 16)
    var event = KubernetesObject(
      .events, namespace: entry.namespace, name: "\(entry.object["name"].string ?? "object").\(suffix)")
    event.json["involvedObject"] = entry.object
    event.json["reason"] = .string(entry.reason)
    event.json["message"] = .string(String(entry.message.prefix(1024)))
    event.json["type"] = .string(entry.severity.rawValue)
    event.json["count"] = 1
    event.json["firstTimestamp"] = .string(now.description)
    event.json["lastTimestamp"] = .string(now.description)
    event.json["source"] =
      host.isEmpty
      ? ["component": .string(component)]
      : [
        "component": .string(component), "host": .string(host),
      ]
    event.json["reportingComponent"] = .string(component)
    event.json["reportingInstance"] = .string(host)
    guard (try? client.create(.events, event)) != nil else { return }
    if known.updateValue(Known(name: event.name, count: 1), forKey: key) == nil { order.append(key) }
    if order.count > memory {
      for old in order.prefix(memory / 2) { known[old] = nil }
      order.removeFirst(memory / 2)
    }
  }
}
