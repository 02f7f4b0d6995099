internal import JSON
internal import Kubernetes

/// A `status.conditions` list.
struct Conditions {
  private var list: [JSON]

  init(_ json: JSON) { list = json.elements }

  /// null where there is none, so that an empty list is not written.
  var json: JSON { list.isEmpty ? .null : .array(list) }

  subscript(type: String) -> JSON { list.first { $0["type"].string == type } ?? .null }

  /// Sets a condition; the transition time changes with the status only. With `stampsUpdates` the time of the last update
  /// is kept too, as Deployments do.
  mutating func set(
    _ type: String, _ status: String, reason: String, message: String, now: Timestamp, stampsUpdates: Bool = false
  ) {
    let old = self[type]
    let isSame = old["status"].string == status
    if isSame, old["reason"].string == reason, old["message"].string == message { return }
    var new: JSON = old.object == nil ? ["type": .string(type)] : old
    new["status"] = .string(status)
    new["reason"] = .string(reason)
    new["message"] = .string(message)
    if stampsUpdates { new["lastUpdateTime"] = .string(now.description) }
    if !isSame { new["lastTransitionTime"] = .string(now.description) }
    if let index = list.firstIndex(where: { $0["type"].string == type }) {
      list[index] = new
    } else {
      list.append(new)
    }
  }

  mutating func keepTransition(_ type: String, _ time: Timestamp) {
    for index in list.indices where list[index]["type"].string == type {
      list[index]["lastTransitionTime"] = .string(time.description)
    }
  }

  mutating func remove(_ type: String) { list.removeAll { $0["type"].string == type } }
}
