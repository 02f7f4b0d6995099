internal import JSON
package import Kubernetes

/// An answer: whole, or one that goes on.
package enum APIAnswer: Sendable {
  case response(APIResponse)
  case watch(WatchStream)
  /// The answer is that of a node.
  case node(NodeRequest)
}

/// The API without sockets: a request and who sends it in, an answer out.
package final class APIHandler: Sendable {
  package let store: ObjectStore
  package let kinds: ResourceKinds
  package let schema: Schema
  let admissions: [any Admission]
  package let authorizer: Authorizer
  package let authenticator: Authenticator
  let version: ServerVersion
  let openAPI = OpenAPICache()

  /// `authenticator` nil: one that knows service accounts only, for calls within the process.
  package init(
    store: ObjectStore, admissions: [any Admission], kinds: ResourceKinds = ResourceKinds(), schema: Schema = Schema(),
    version: ServerVersion = ServerVersion(), authenticator: Authenticator? = nil
  ) {
    authorizer = Authorizer(store: store)
    self.authenticator = authenticator ?? Authenticator(store: store, accounts: AccountTokens())
    self.store = store
    self.admissions = admissions
    self.kinds = kinds
    self.schema = schema
    self.version = version
  }

  package func handle(_ request: APIRequest, user: APIUser) -> APIAnswer {
    do {
      return try answer(request, user: user)
    } catch let error as StatusError {
      return .response(.status(error))
    } catch {
      return .response(.status(.internalError("\(error)")))
    }
  }

  private func answer(_ request: APIRequest, user: APIUser) throws -> APIAnswer {
    let target = try RequestTarget(request.target)
    let user = try Impersonation.user(request, user, authorizer)
    let isCore = target.path.first == "api"
    guard isCore || target.path.first == "apis", target.path.count > (isCore ? 2 : 3) else {
      let path = "/" + target.path.joined(separator: "/")
      try authorizer.check(AccessRequest(user, request.method.lowercased(), path: path))
      switch target.path.first {
      case nil, "version", "healthz", "livez", "readyz", "openapi": return .response(try information(request, target))
      case "api", "apis": return .response(try discovery(request, target))
      default: throw StatusError.noSuchPath
      }
    }
    let apiVersion = isCore ? target.path[1] : "\(target.path[1])/\(target.path[2])"
    guard let parts = ResourceRequest.parse(target.path[(isCore ? 2 : 3)...]) else { throw StatusError.noSuchPath }
    try authorizer.check(
      AccessRequest(user, request, target, group: isCore ? "" : target.path[1], parts))
    if let review = try review(apiVersion, parts, request, user: user) { return .response(review) }
    guard let kind = kinds.find(apiVersion, plural: parts.plural),
      kind.isNamespaced || parts.namespace == nil, !kind.isNamespaced || parts.name == nil || parts.namespace != nil
    else { throw StatusError.noSuchPath }
    let resourceRequest = ResourceRequest(
      user: user, request: request, target: target, kind: kind, namespace: parts.namespace, name: parts.name,
      subresource: parts.sub)
    if !["GET", "HEAD"].contains(request.method) { try WriteOptions.check(resourceRequest) }
    let answer = try serve(resourceRequest)
    guard case .response(var response) = answer, let warning = resourceRequest.warnings.header else { return answer }
    response.headers["warning"] = warning
    return .response(response)
  }

  private func serve(_ request: ResourceRequest) throws -> APIAnswer {
    if let sub = request.subresource {
      guard let name = request.name, let subresource = ResourceKind.Subresource(rawValue: sub),
        request.kind.subresources.contains(subresource)
      else { throw StatusError.noSuchPath }
      if subresource.isStream { return try stream(subresource, of: name, request) }
      return .response(try serve(subresource, of: name, request))
    }
    if let name = request.name {
      switch request.method {
      case "GET" where request.target.flag("watch"): return .watch(try watch(request))
      case "GET": return .response(try get(name, request))
      case "PUT": return .response(try update(name, request))
      case "PATCH": return .response(try patch(name, request))
      case "DELETE": return .response(try delete(name, request))
      default: throw StatusError.methodNotAllowed(request.method)
      }
    }
    switch request.method {
    case "GET" where request.target.flag("watch"): return .watch(try watch(request))
    case "GET": return .response(try list(request))
    case "POST": return .response(try create(request))
    case "DELETE": return .response(try deleteCollection(request))
    default: throw StatusError.methodNotAllowed(request.method)
    }
  }

  private func get(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    guard let object = store.get(request.kind.key(request.namespace, name)) else {
      throw StatusError.notFound(request.kind, name)
    }
    return show(object, request)
  }

  /// An object in the form the client accepts.
  func show(_ object: StoredObject, _ request: ResourceRequest, status: Int = 200) -> APIResponse {
    .json(request.form.bytes(object, kind: request.kind), status: status)
  }
}

extension APIResponse {
  static func json(_ bytes: [UInt8], status: Int = 200) -> APIResponse {
    APIResponse(status: status, headers: ["content-type": "application/json"], body: bytes)
  }

  static func json(_ json: JSON, status: Int = 200) -> APIResponse { .json(json.bytes(), status: status) }

  static func text(_ text: String, status: Int = 200) -> APIResponse {
    APIResponse(status: status, headers: ["content-type": "text/plain; charset=utf-8"], body: Array(text.utf8))
  }

  package static func status(_ error: StatusError) -> APIResponse {
    var response = APIResponse.json(error.json, status: error.code)
    if error.retryAfterSeconds > 0 { response.headers["retry-after"] = String(error.retryAfterSeconds) }
    return response
  }

  /// Success without an object to show.
  static func success(_ kind: ResourceKind, name: String, uid: String, status: Int = 200) -> APIResponse {
    var details: JSON = ["name": .string(name)]
    if !kind.group.isEmpty { details["group"] = .string(kind.group) }
    details["kind"] = .string(kind.plural)
    if !uid.isEmpty { details["uid"] = .string(uid) }
    return .json(
      ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": details],
      status: status)
  }
}
