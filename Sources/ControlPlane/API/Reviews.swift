internal import JSON
internal import Kubernetes

/// Kinds that are only asked and never stored: who am I, and may I.
enum Reviews {
  static let kinds: [ResourceKind] = [
    .init("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", cluster: true),
    .init("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", cluster: true),
    .init("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", cluster: true),
  ]

  static func isReview(_ kind: ResourceKind) -> Bool { kinds.contains { $0.kind == kind.kind } }
}

extension APIHandler {
  /// The answer to a review, if the request is one. Whoever is authenticated may do everything.
  func review(_ apiVersion: String, _ plural: String, _ request: APIRequest, user: APIUser) throws -> APIResponse? {
    guard let kind = Reviews.kinds.first(where: { $0.plural == plural && $0.apiVersion == apiVersion }) else {
      return nil
    }
    guard request.method == "POST" else { throw StatusError.methodNotAllowed(request.method) }
    let target = try RequestTarget(request.target)
    var object = try object(
      ResourceRequest(
        user: user, request: request, target: target, kind: kind, namespace: nil, name: nil, subresource: nil))
    switch kind.kind {
    case "SelfSubjectAccessReview": object["status"] = ["allowed": true]
    case "SelfSubjectRulesReview":
      object["status"] = [
        "resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]],
        "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]], "incomplete": false,
      ]
    default:
      object["status"] = [
        "userInfo": ["username": .string(user.name), "groups": .array(user.groups.map { .string($0) })]
      ]
    }
    return .json(kind.identified(object), status: 201)
  }
}
