internal import JSON
internal import Kubernetes

/// Access by roles and bindings (rbac.authorization.k8s.io/v1), read from the store at each question.
struct RoleAuthorizer {
  static let group = "rbac.authorization.k8s.io"
  let store: ObjectStore

  /// Everything a user may do in a namespace; nil: in the cluster as a whole.
  func rules(for user: APIUser, namespace: String?) -> [AccessRule] {
    var rules: [AccessRule] = []
    for binding in store.list("clusterrolebindings.\(Self.group)").objects
    where Self.names(user, binding.value["subjects"], in: "") {
      rules += self.rules(of: binding.value["roleRef"], namespace: nil)
    }
    guard let namespace, !namespace.isEmpty else { return rules }
    for binding in store.list("rolebindings.\(Self.group)", namespace: namespace).objects
    where Self.names(user, binding.value["subjects"], in: namespace) {
      rules += self.rules(of: binding.value["roleRef"], namespace: namespace)
    }
    return rules
  }

  /// The rules of the role a binding refers to; a role that is not there has none.
  func rules(of reference: JSON, namespace: String?) -> [AccessRule] {
    guard let name = reference["name"].string else { return [] }
    if reference["kind"].string == "Role" {
      guard let namespace else { return [] }
      let role = store.get(StoreKey("roles.\(Self.group)", namespace: namespace, name: name))
      return Self.rules(of: role?.value ?? .null)
    }
    let role = store.get(StoreKey("clusterroles.\(Self.group)", name: name))?.value ?? .null
    return Self.rules(of: role) + aggregated(role)
  }

  static func rules(of role: JSON) -> [AccessRule] { role["rules"].elements.map { AccessRule($0) } }

  /// The rules of the roles that a role gathers by their labels.
  func aggregated(_ role: JSON) -> [AccessRule] {
    let selectors = role["aggregationRule", "clusterRoleSelectors"].elements
    guard !selectors.isEmpty else { return [] }
    return store.list("clusterroles.\(Self.group)").objects.flatMap { other -> [AccessRule] in
      let labels = other.value["metadata", "labels"]
      guard selectors.contains(where: { (try? LabelSelector(decoding: $0))?.matches(labels) ?? false }) else {
        return []
      }
      return Self.rules(of: other.value)
    }
  }

  private static func names(_ user: APIUser, _ subjects: JSON, in namespace: String) -> Bool {
    subjects.elements.contains { subject in
      let name = subject["name"].string ?? ""
      switch subject["kind"].string {
      case "User": return name == user.name
      case "Group": return user.groups.contains(name)
      case "ServiceAccount":
        let home = subject["namespace"].string ?? ""
        return user.name == "system:serviceaccount:\(home.isEmpty ? namespace : home):\(name)"
      default: return false
      }
    }
  }
}
