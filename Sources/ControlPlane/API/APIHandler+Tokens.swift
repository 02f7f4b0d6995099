internal import JSON
internal import Kubernetes

extension APIHandler {
  static let tokenKind = ResourceKind("authentication.k8s.io", "v1", "TokenRequest", "token")

  /// A token for a service account (`kubectl create token`).
  func accountToken(_ name: String, _ request: ResourceRequest) throws -> APIResponse {
    var asked = try object(request, expecting: Self.tokenKind)
    let namespace = request.namespace ?? ""
    guard let account = store.get(request.kind.key(namespace, name)) else {
      throw StatusError.notFound(request.kind, name)
    }
    let seconds = asked["spec", "expirationSeconds"].int ?? AccountTokens.defaultSeconds
    var collector = FaultCollector()
    if seconds < AccountTokens.seconds.lowerBound {
      collector.add(
        .invalid("spec.expirationSeconds", .int(Int64(seconds)), "may not specify a duration less than 10 minutes"))
    }
    if seconds > AccountTokens.seconds.upperBound {
      collector.add(
        .invalid("spec.expirationSeconds", .int(Int64(seconds)), "may not specify a duration larger than 2^32 seconds"))
    }
    guard collector.faults.isEmpty else { throw StatusError.invalid(Self.tokenKind, "", collector.faults) }
    let bound = try boundObject(asked["spec", "boundObjectRef"], account: name, namespace, request)
    let given = asked["spec", "audiences"].elements.compactMap(\.string)
    let now = Timestamp.now()
    let claims = AccountTokens.Claims(
      namespace: namespace, name: name, uid: account.value["metadata", "uid"].string ?? "", bound: bound,
      audiences: given.isEmpty ? [AccountTokens.defaultAudience] : given, issued: now.seconds,
      expires: now.seconds + Int64(seconds))
    asked["metadata"] = ["name": .string(name), "namespace": .string(namespace)]
    asked["spec", "audiences"] = .array(claims.audiences.map { .string($0) })
    asked["spec", "expirationSeconds"] = .int(Int64(seconds))
    asked["status"] = [
      "token": .string(authenticator.accounts.token(claims)),
      "expirationTimestamp": .string(Timestamp(seconds: claims.expires).description),
    ]
    return .json(Self.tokenKind.identified(asked), status: 201)
  }

  /// What the token is to end with: a pod that runs as the account, a Secret or a Node.
  private func boundObject(_ reference: JSON, account: String, _ namespace: String, _ request: ResourceRequest) throws
    -> AccountTokens.Claims.Bound?
  {
    if reference.isNull {
      guard let node = NodeAuthorizer.node(of: request.user) else { return nil }
      throw StatusError.forbidden(request.kind, account, "node \"\(node)\" may only ask for tokens bound to its pods")
    }
    let name = reference["name"].string ?? ""
    guard let word = reference["kind"].string, ["Pod", "Secret", "Node"].contains(word),
      let kind = kinds.find("v1", kind: word)
    else {
      throw StatusError.badRequest(
        "cannot bind token to object of type \(reference["apiVersion"]), Kind=\(reference["kind"])")
    }
    guard let object = store.get(kind.key(namespace, name)) else { throw StatusError.notFound(kind, name) }
    let uid = object.value["metadata", "uid"].string ?? ""
    if let wanted = reference["uid"].string, !wanted.isEmpty, wanted != uid {
      throw StatusError.conflict(
        kind, name, "the UID in the bound object reference (\(wanted)) does not match the UID in record (\(uid))")
    }
    if word == "Pod", object.value["spec", "serviceAccountName"].string ?? "default" != account {
      throw StatusError.badRequest(
        "cannot bind token for serviceaccount \"\(account)\" to pod running with different serviceaccount name.")
    }
    if let node = NodeAuthorizer.node(of: request.user),
      word != "Pod" || object.value["spec", "nodeName"].string != node
    {
      throw StatusError.forbidden(request.kind, account, "node \"\(node)\" may only ask for tokens bound to its pods")
    }
    return .init(kind: word, name: name, uid: uid)
  }
}
