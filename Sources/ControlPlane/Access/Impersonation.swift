internal import Kubernetes

/// `kubectl --as`: the headers by which somebody asks to be treated as somebody else.
enum Impersonation {
  /// Who the request is for. Throws 403 where the user may not speak for him.
  static func user(_ request: APIRequest, _ user: APIUser, _ authorizer: Authorizer) throws(StatusError) -> APIUser {
    let wanted = request.headers["impersonate-user"] ?? ""
    let groups = (request.headers["impersonate-group"] ?? "").split(separator: ",").map {
      String($0.drop { $0 == " " })
    }
    guard !wanted.isEmpty else {
      guard groups.isEmpty, request.headers["impersonate-uid"] == nil else {
        throw .badRequest("requested groups or a UID to impersonate without impersonating a user")
      }
      return user
    }
    if let account = ServiceAccountName(user: wanted) {
      try authorizer.check(
        AccessRequest(
          user, "impersonate", group: "", resource: "serviceaccounts", namespace: account.namespace,
          name: account.name))
    } else {
      try authorizer.check(AccessRequest(user, "impersonate", group: "", resource: "users", name: wanted))
    }
    for group in groups {
      try authorizer.check(AccessRequest(user, "impersonate", group: "", resource: "groups", name: group))
    }
    var all = groups
    if groups.isEmpty, let account = ServiceAccountName(user: wanted) { all = account.groups }
    let always = wanted == APIUser.anonymous.name ? "system:unauthenticated" : "system:authenticated"
    if !all.contains(always) { all.append(always) }
    return APIUser(name: wanted, groups: all)
  }
}
