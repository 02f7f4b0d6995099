package import JSON

/// Typed calls over a transport. Every call waits for its answer and throws `APIStatus` where the server refuses,
/// `TransportError` where there is no answer, and `JSONError` where the answer is no JSON.
package struct APIClient: Sendable {
  /// How a PATCH body is applied (media types of the API).
  package enum PatchKind: String, Sendable {
    case merge = "application/merge-patch+json"
    case strategicMerge = "application/strategic-merge-patch+json"
    case json = "application/json-patch+json"
    case apply = "application/apply-patch+yaml"
  }

  package let transport: any APITransport
  /// Owner of the fields this client writes (`fieldManager`).
  package let fieldManager: String
  /// Objects with fields that the server does not know, or the same field twice, are refused (`fieldValidation=Strict`,
  /// what `kubectl apply` asks for), so that a typing error is told and not stored.
  package let isStrict: Bool

  package init(_ transport: any APITransport, fieldManager: String = "swiftlet", isStrict: Bool = false) {
    self.transport = transport
    self.fieldManager = fieldManager
    self.isStrict = isStrict
  }

  package func get(_ type: ResourceType, namespace: String = "", name: String) throws -> KubernetesObject {
    try object(APIRequest("GET", type.path(namespace: namespace, name: name)))
  }

  /// The object, or nil where the server answers 404.
  package func find(_ type: ResourceType, namespace: String = "", name: String) throws -> KubernetesObject? {
    do {
      return try get(type, namespace: namespace, name: name)
    } catch let status as APIStatus where status.isNotFound {
      return nil
    }
  }

  /// All objects selected, read in pages. If the pages expire under way (410), the list begins anew.
  package func list(
    _ type: ResourceType, _ options: ListOptions = ListOptions(), pageSize: Int = 500, resourceVersion: String? = nil
  ) throws -> ObjectList {
    var restarts = 0
    while true {
      do {
        return try listOnce(type, options, pageSize: pageSize, resourceVersion: resourceVersion)
      } catch let status as APIStatus where status.isExpired && restarts < 3 {
        restarts += 1
      }
    }
  }

  private func listOnce(
    _ type: ResourceType, _ options: ListOptions, pageSize: Int, resourceVersion: String?
  ) throws -> ObjectList {
    var list = ObjectList(items: [], resourceVersion: "")
    list.resourceVersion = try readList(type, options, pageSize: pageSize, resourceVersion: resourceVersion) {
      list.items.append($0)
    }
    return list
  }

  /// Creates an object in its own namespace and answers it as stored.
  @discardableResult
  package func create(
    _ type: ResourceType, _ object: KubernetesObject, subresource: String? = nil, of name: String? = nil
  )
    throws -> KubernetesObject
  {
    try self.object(
      write(
        "POST", type.path(namespace: object.namespace, name: name, subresource: subresource), "application/json",
        object.json))
  }

  /// Replaces an object. Its resourceVersion, if it has one, must still be the newest (else 409 Conflict).
  @discardableResult
  package func update(_ type: ResourceType, _ object: KubernetesObject, subresource: String? = nil) throws
    -> KubernetesObject
  {
    let path = type.path(namespace: object.namespace, name: object.name, subresource: subresource)
    return try self.object(write("PUT", path, "application/json", object.json))
  }

  /// Replaces the status of an object.
  @discardableResult
  package func updateStatus(_ type: ResourceType, _ object: KubernetesObject) throws -> KubernetesObject {
    try update(type, object, subresource: "status")
  }

  /// Patches an object. `force` counts for server-side apply only: take fields over from other managers.
  @discardableResult
  package func patch(
    _ type: ResourceType, namespace: String = "", name: String, _ kind: PatchKind, _ body: JSON,
    subresource: String? = nil, force: Bool = false
  ) throws -> KubernetesObject {
    var path = type.path(namespace: namespace, name: name, subresource: subresource)
    var request = write("PATCH", path, kind.rawValue, body)
    if kind == .apply {
      path = request.target + (force ? "&force=true" : "")
      request.target = path
    }
    return try object(request)
  }

  /// Deletes an object; false where there was none.
  @discardableResult
  package func delete(
    _ type: ResourceType, namespace: String = "", name: String, _ options: DeleteOptions = DeleteOptions()
  ) throws -> Bool {
    var request = APIRequest("DELETE", type.path(namespace: namespace, name: name))
    request.headers = ["accept": "application/json", "content-type": "application/json"]
    request.body = options.json.bytes()
    do {
      _ = try answer(request)
      return true
    } catch let status as APIStatus where status.isNotFound {
      return false
    }
  }

  /// Sends a request and answers the JSON of a 2xx response.
  package func answer(_ request: APIRequest) throws -> JSON {
    var request = request
    if request.headers["accept"] == nil { request.headers["accept"] = "application/json" }
    let response = try transport.send(request)
    guard (200..<300).contains(response.status) else { throw APIStatus(response) }
    return try JSON(parsing: response.body)
  }

  private func write(_ method: String, _ path: String, _ mediaType: String, _ body: JSON) -> APIRequest {
    APIRequest(
      method, path + "?fieldManager=\(percentEncoded(fieldManager))" + (isStrict ? "&fieldValidation=Strict" : ""),
      headers: ["accept": "application/json", "content-type": mediaType], body: body.bytes())
  }

  private func object(_ request: APIRequest) throws -> KubernetesObject {
    KubernetesObject(try answer(request))
  }

  /// Items of a list come without apiVersion and kind.
  static func complete(_ item: JSON, _ type: ResourceType) -> KubernetesObject {
    if item["kind"].string != nil { return KubernetesObject(item) }
    var members: [JSON.Object.Member] = [("apiVersion", .string(type.apiVersion)), ("kind", .string(type.kind))]
    members += item.members
    return KubernetesObject(.object(JSON.Object(members)))
  }
}
