import JSON
import Kubernetes
import Linux
import Synchronization

/// Enough of an API server for one node's runtime, in memory: objects by path, merge patches, deletion with grace, field
/// selectors on `spec.nodeName`, and watches.
final class MemoryAPI: APITransport {
  private final class Watch: APIStream {
    let collection: String
    let onData: @Sendable ([UInt8]) -> Void
    let onEnd: @Sendable (Result<APIResponse, any Error>) -> Void
    let api: MemoryAPI
    init(
      _ api: MemoryAPI, _ collection: String, _ onData: @escaping @Sendable ([UInt8]) -> Void,
      _ onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
    ) {
      self.api = api
      self.collection = collection
      self.onData = onData
      self.onEnd = onEnd
    }
    func cancel() {
      api.state.withLock { state in state.watches.removeAll { $0 === self } }
      onEnd(.success(APIResponse(status: 200)))
    }
  }

  private struct State {
    var objects: [String: JSON] = [:]
    var version = 1
    var watches: [Watch] = []
    var statusPatches = 0
    var isDown = false
  }
  private let state = Mutex(State())

  /// No request gets an answer while this is true.
  func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
  var statusPatches: Int { state.withLock { $0.statusPatches } }

  func object(_ path: String) -> JSON? { state.withLock { $0.objects[path] } }
  func pod(_ name: String) -> JSON? { object("/api/v1/namespaces/shop/pods/\(name)") }
  func events(_ reason: String) -> [JSON] {
    state.withLock { state in
      state.objects.filter { $0.key.contains("/events/") && $0.value["reason"].string == reason }.map(\.value)
    }
  }

  func put(_ path: String, _ object: JSON) { state.withLock { Self.store(&$0, path, object) } }
  func remove(_ path: String) { state.withLock { Self.drop(&$0, path) } }

  private static func store(_ state: inout State, _ path: String, _ object: JSON) {
    let isNew = state.objects[path] == nil
    var object = object
    state.version += 1
    object["metadata", "resourceVersion"] = .string("\(state.version)")
    if object["metadata", "uid"].isNull { object["metadata", "uid"] = .string("uid-\(state.version)") }
    state.objects[path] = object
    tell(state, path, isNew ? "ADDED" : "MODIFIED", object)
  }

  private static func drop(_ state: inout State, _ path: String) {
    guard let object = state.objects.removeValue(forKey: path) else { return }
    state.version += 1
    tell(state, path, "DELETED", object)
  }

  private static func tell(_ state: State, _ path: String, _ type: String, _ object: JSON) {
    for watch in state.watches where path.contains("/\(watch.collection)/") {
      watch.onData((["type": .string(type), "object": object] as JSON).bytes() + [0x0A])
    }
  }

  func send(_ request: APIRequest) throws -> APIResponse {
    if state.withLock({ $0.isDown }) { throw TransportError(.timeout, "the test's API is down") }
    return state.withLock { state in answer(request, &state) }
  }

  private func answer(_ request: APIRequest, _ state: inout State) -> APIResponse {
    let target = request.target.split(separator: "?", maxSplits: 1).map(String.init)
    let path = target[0]
    let body = (try? JSON(parsing: request.body)) ?? .null
    func ok(_ json: JSON) -> APIResponse { APIResponse(status: 200, body: json.bytes()) }
    func refuse(_ code: Int, _ reason: String) -> APIResponse {
      let status: JSON = [
        "kind": "Status", "reason": .string(reason), "message": .string(path), "code": .int(Int64(code)),
      ]
      return APIResponse(status: code, body: status.bytes())
    }
    switch request.method {
    case "GET":
      if let object = state.objects[path] { return ok(object) }
      let collections = ["/pods", "/services", "/nodes", "/events", "/configmaps", "/secrets"]
      guard collections.contains(where: { path.hasSuffix($0) }) else { return refuse(404, "NotFound") }
      let items = state.objects.filter { key, _ in
        guard key.hasPrefix(path + "/") || path == "/api/v1/pods" && key.contains("/pods/") else { return false }
        return true
      }
      return ok([
        "metadata": ["resourceVersion": .string("\(state.version)")],
        "items": .array(items.sorted { $0.key < $1.key }.map(\.value)),
      ])
    case "POST":
      let name = "\(path)/\(body["metadata", "name"].string ?? "")"
      if state.objects[name] != nil { return refuse(409, "AlreadyExists") }
      Self.store(&state, name, body)
      return ok(state.objects[name]!)
    case "PATCH":
      let isStatus = path.hasSuffix("/status")
      let name = isStatus ? String(path.dropLast("/status".count)) : path
      guard let object = state.objects[name] else { return refuse(404, "NotFound") }
      if let uid = body["metadata", "uid"].string, uid != object["metadata", "uid"].string {
        return refuse(409, "Conflict")
      }
      if isStatus { state.statusPatches += 1 }
      let isStrategic = request.headers["content-type"]?.contains("strategic") == true
      Self.store(&state, name, Self.merge(object, body, isStrategic: isStrategic))
      return ok(state.objects[name]!)
    case "DELETE":
      guard let object = state.objects[path] else { return refuse(404, "NotFound") }
      if let uid = body["preconditions", "uid"].string, uid != object["metadata", "uid"].string {
        return refuse(409, "Conflict")
      }
      Self.drop(&state, path)
      return ok(object)
    default: return refuse(405, "MethodNotAllowed")
    }
  }

  func stream(
    _ request: APIRequest, onData: @escaping @Sendable ([UInt8]) -> Void,
    onEnd: @escaping @Sendable (Result<APIResponse, any Error>) -> Void
  ) -> any APIStream {
    // Events between the list and the watch are sent again: everything newer than the version asked for.
    let version =
      request.target.split(separator: "&").first { $0.hasPrefix("resourceVersion=") }
      .flatMap { Int($0.dropFirst("resourceVersion=".count)) } ?? 0
    let watch = Watch(self, "pods", onData, onEnd)
    state.withLock { state in
      for (path, object) in state.objects
      where path.contains("/pods/") && Int(object["metadata", "resourceVersion"].string ?? "") ?? 0 > version {
        watch.onData((["type": "ADDED", "object": object] as JSON).bytes() + [0x0A])
      }
      state.watches.append(watch)
    }
    return watch
  }

  private static let mergeKeys = ["conditions": "type", "podIPs": "ip", "hostIPs": "ip"]

  static func merge(_ old: JSON, _ patch: JSON, isStrategic: Bool, field: String = "") -> JSON {
    if let changes = patch.array, isStrategic, let key = mergeKeys[field] {
      var items = old.elements
      for change in changes {
        let index = items.firstIndex { $0[key] == change[key] }
        if change["$patch"].string == "delete" {
          if let index { items.remove(at: index) }
        } else if let index {
          items[index] = merge(items[index], change, isStrategic: true)
        } else {
          items.append(change)
        }
      }
      return .array(items)
    }
    guard let members = patch.object?.members else { return patch }
    var result = old.object == nil ? JSON.object(JSON.Object()) : old
    for member in members {
      result[member.key] =
        member.value.isNull
        ? .null : merge(result[member.key], member.value, isStrategic: isStrategic, field: member.key)
    }
    return result
  }
}
