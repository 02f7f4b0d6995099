internal import JSON
internal import Kubernetes

/// Kinds that are only asked and never stored: who am I, may I, may he, whose token is this.
enum Reviews {
  static let kinds: [ResourceKind] = [
    .init("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", cluster: true),
    .init("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", cluster: true),
    .init("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", cluster: true),
    .init("authorization.k8s.io", "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews"),
    .init("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", cluster: true),
    .init("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", cluster: true),
  ]

  static func isReview(_ kind: ResourceKind) -> Bool { kinds.contains { $0.kind == kind.kind } }

  /// A user as `userInfo` tells him.
  static func info(_ user: APIUser) -> JSON {
    var info: JSON = ["username": .string(user.name)]
    if !user.uid.isEmpty { info["uid"] = .string(user.uid) }
    info["groups"] = .array(user.groups.map { .string($0) })
    return info
  }

  /// What a review's `spec` asks about.
  static func access(_ spec: JSON, _ user: APIUser, kind: ResourceKind) throws(StatusError) -> AccessRequest {
    let resource = spec["resourceAttributes"]
    let path = spec["nonResourceAttributes"]
    guard resource.isNull != path.isNull else {
      let reason = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
      throw .invalid(kind, "", [.invalid("spec.resourceAttributes", resource, reason)])
    }
    func text(_ field: String) -> String { resource[field].string ?? "" }
    if !path.isNull { return AccessRequest(user, path["verb"].string ?? "", path: path["path"].string ?? "") }
    var request = AccessRequest(
      user, text("verb"), group: text("group"), resource: text("resource"), subresource: text("subresource"),
      namespace: text("namespace"), name: text("name"))
    request.fieldSelector = resource["fieldSelector", "rawSelector"].string ?? ""
    return request
  }
}

extension APIHandler {
  /// The answer to a review, if the request is one.
  func review(_ apiVersion: String, _ parts: ResourceRequest.Parts, _ request: APIRequest, user: APIUser) throws
    -> APIResponse?
  {
    guard let kind = Reviews.kinds.first(where: { $0.plural == parts.plural && $0.apiVersion == apiVersion }) else {
      return nil
    }
    guard kind.isNamespaced == (parts.namespace != nil), parts.name == nil else { throw StatusError.noSuchPath }
    guard request.method == "POST" else { throw StatusError.methodNotAllowed(request.method) }
    let target = try RequestTarget(request.target)
    var object = try object(
      ResourceRequest(
        user: user, request: request, target: target, kind: kind, namespace: parts.namespace, name: nil,
        subresource: nil))
    let spec = object["spec"]
    switch kind.kind {
    case "SelfSubjectAccessReview": object["status"] = status(try Reviews.access(spec, user, kind: kind))
    case "SubjectAccessReview", "LocalSubjectAccessReview":
      let groups = spec["groups"].elements.compactMap(\.string)
      let subject = APIUser(name: spec["user"].string ?? "", groups: groups)
      guard !subject.name.isEmpty || !groups.isEmpty else {
        let reason = "at least one of user or group must be specified"
        throw StatusError.invalid(kind, "", [.invalid("spec.user", "", reason)])
      }
      let access = try Reviews.access(spec, subject, kind: kind)
      if let namespace = parts.namespace, access.namespace != namespace {
        let reason = "must match metadata.namespace"
        throw StatusError.invalid(
          kind, "", [.invalid("spec.resourceAttributes.namespace", .string(access.namespace), reason)])
      }
      object["status"] = status(access)
    case "SelfSubjectRulesReview": object["status"] = rules(of: user, spec["namespace"].string ?? "")
    case "TokenReview":
      let audiences = spec["audiences"].elements.compactMap(\.string)
      let wanted = audiences.isEmpty ? [AccountTokens.defaultAudience] : audiences
      if let found = authenticator.user(token: spec["token"].string ?? "", audiences: wanted) {
        object["status"] = [
          "authenticated": true, "user": Reviews.info(found), "audiences": .array(wanted.map { .string($0) }),
        ]
      } else {
        object["status"] = ["user": [:], "error": "invalid bearer token"]
      }
    default: object["status"] = ["userInfo": Reviews.info(user)]
    }
    return .json(kind.identified(object), status: 201)
  }

  private func status(_ request: AccessRequest) -> JSON {
    switch authorizer.decide(request) {
    case .allowed(let reason): reason.isEmpty ? ["allowed": true] : ["allowed": true, "reason": .string(reason)]
    case .refused(let reason): reason.isEmpty ? ["allowed": false] : ["allowed": false, "reason": .string(reason)]
    }
  }

  /// `incomplete` where rules cannot say it all: what a node may write depends on which pods are its own.
  private func rules(of user: APIUser, _ namespace: String) -> JSON {
    let rules = authorizer.rules(for: user, namespace: namespace).map(\.json)
    return [
      "resourceRules": .array(rules.filter { $0["nonResourceURLs"].isNull }),
      "nonResourceRules": .array(rules.filter { !$0["nonResourceURLs"].isNull }),
      "incomplete": .bool(NodeAuthorizer.node(of: user) != nil),
    ]
  }
}
