internal import JSON

/// Says who may do what: the group `system:masters` everything, nodes what `NodeAuthorizer` knows, everybody what roles
/// bind to him.
package struct Authorizer: Sendable {
  let store: ObjectStore

  package init(store: ObjectStore) { self.store = store }

  package enum Decision: Sendable, Equatable {
    case allowed(String)
    /// With a reason, if there is more to say than that nothing allows it.
    case refused(String)

    package var isAllowed: Bool { if case .allowed = self { true } else { false } }
  }

  private var roles: RoleAuthorizer { RoleAuthorizer(store: store) }

  package func decide(_ request: AccessRequest) -> Decision {
    if request.user.groups.contains("system:masters") { return .allowed("") }
    var reason = ""
    if let node = NodeAuthorizer.node(of: request.user) {
      guard let refusal = NodeAuthorizer(store: store).refusal(of: request, node: node) else { return .allowed("") }
      reason = refusal
    }
    let rules = rules(for: request.user, namespace: request.namespace)
    return rules.contains { $0.allows(request) } ? .allowed("RBAC: allowed by a role") : .refused(reason)
  }

  /// Throws 403 in Kubernetes' words.
  func check(_ request: AccessRequest) throws(StatusError) {
    if case .refused(let reason) = decide(request) { throw request.refusal(reason) }
  }

  /// Everything a user may do in a namespace, as far as rules can say it.
  func rules(for user: APIUser, namespace: String) -> [AccessRule] {
    if user.groups.contains("system:masters") {
      return [AccessRule(["*"], groups: ["*"], ["*"]), AccessRule(["*"], paths: ["*"])]
    }
    return roles.rules(for: user, namespace: namespace)
      + (NodeAuthorizer.node(of: user).map { NodeAuthorizer.rules(node: $0) } ?? [])
  }

  /// Nobody may hand out more than he has (the escalation rule of RBAC): checks a role or binding that is to be written.
  func checkEscalation(_ object: JSON, kind: ResourceKind, user: APIUser) throws(StatusError) {
    guard kind.group == RoleAuthorizer.group, !user.groups.contains("system:masters") else { return }
    let namespace = object["metadata", "namespace"].string ?? ""
    let name = object["metadata", "name"].string ?? ""
    let reference = object["roleRef"]
    let given: [AccessRule]
    let verb: String
    var resource = kind.plural
    var subject = name
    if reference.isNull {
      given = RoleAuthorizer.rules(of: object) + (kind.plural == "clusterroles" ? roles.aggregated(object) : [])
      verb = "escalate"
    } else {
      given = roles.rules(of: reference, namespace: namespace)
      verb = "bind"
      resource = reference["kind"].string == "Role" ? "roles" : "clusterroles"
      subject = reference["name"].string ?? ""
    }
    let request = AccessRequest(
      user, verb, group: RoleAuthorizer.group, resource: resource, namespace: namespace, name: subject)
    if decide(request).isAllowed { return }
    let held = rules(for: user, namespace: namespace)
    let missing = given.filter { !$0.isCovered(by: held) }
    guard missing.isEmpty else {
      throw .forbidden(
        kind, name,
        "user \"\(user.name)\" (groups=\(user.groups)) is attempting to grant RBAC permissions not currently held:\n"
          + missing.map { "\($0.json)" }.joined(separator: "\n"))
    }
  }
}
