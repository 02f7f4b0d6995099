internal import JSON
internal import Kubernetes

/// The roles and bindings every cluster has: those for people (cluster-admin, admin, edit, view), and what everybody who
/// is authenticated may do.
package struct BootstrapRoles {
  let kinds: ResourceKinds

  private static let read: Set = ["get", "list", "watch"]
  private static let write: Set = ["create", "delete", "deletecollection", "patch", "update"]
  /// Paths that tell what the server is and whether it is well.
  static let publicPaths = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
  private static let discoveryPaths = [
    "/", "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/healthz/*", "/livez/*", "/readyz/*",
  ]

  /// Rules on the namespaced kinds but these, and on what lies below them.
  private func rules(_ verbs: Set<String>, without: Set<String>, below: Set<ResourceKind.Subresource>) -> [AccessRule] {
    var groups: [String: Set<String>] = [:]
    for kind in kinds.all where kind.isNamespaced && !without.contains(kind.plural) {
      groups[kind.group, default: []].insert(kind.plural)
      for subresource in kind.subresources.intersection(below) {
        groups[kind.group, default: []].insert("\(kind.plural)/\(subresource)")
      }
    }
    return groups.sorted { $0.key < $1.key }.map { AccessRule(verbs, groups: [$0.key], $0.value) }
  }

  private var roles: [(name: String, rules: [AccessRule])] {
    let access: Set = ["roles", "rolebindings"]
    let view =
      rules(Self.read, without: access.union(["secrets"]), below: [.status, .scale])
      + [AccessRule(Self.read, ["namespaces", "pods/log"])]
    let edit =
      view + [AccessRule(Self.read, ["secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"])]
      + rules(
        Self.write,
        without: access.union(["resourcequotas", "limitranges", "endpoints", "endpointslices", "leases", "events"]),
        below: [.scale])
      + [
        AccessRule(["create"], ["pods/attach", "pods/exec", "pods/portforward", "pods/eviction"]),
        AccessRule(["create"], ["serviceaccounts/token"]), AccessRule(["impersonate"], ["serviceaccounts"]),
      ]
    let admin =
      edit + [
        AccessRule(Self.read.union(Self.write), groups: [RoleAuthorizer.group], access),
        AccessRule(["create"], groups: ["authorization.k8s.io"], ["localsubjectaccessreviews"]),
      ]
    return [
      ("cluster-admin", [AccessRule(["*"], groups: ["*"], ["*"]), AccessRule(["*"], paths: ["*"])]),
      ("admin", admin), ("edit", edit), ("view", view),
      (
        "system:basic-user",
        [
          AccessRule(
            ["create"], groups: ["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
          AccessRule(["create"], groups: ["authentication.k8s.io"], ["selfsubjectreviews"]),
        ]
      ), ("system:discovery", [AccessRule(["get"], paths: Self.publicPaths + Self.discoveryPaths)]),
      ("system:public-info-viewer", [AccessRule(["get"], paths: Self.publicPaths)]),
    ]
  }

  private static let bindings: [(role: String, groups: [String])] = [
    ("cluster-admin", ["system:masters"]), ("system:basic-user", ["system:authenticated"]),
    ("system:discovery", ["system:authenticated"]),
    ("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
  ]

  package init(kinds: ResourceKinds) { self.kinds = kinds }

  /// Writes what is missing, in one transaction, and puts the rules of these roles right; other rules are people's own.
  package func run(_ store: ObjectStore) throws {
    let api = RoleAuthorizer.group
    func metadata(_ name: String) -> JSON {
      [
        "name": .string(name), "labels": ["kubernetes.io/bootstrapping": "rbac-defaults"],
        "annotations": ["rbac.authorization.kubernetes.io/autoupdate": "true"], "uid": .string(APIHandler.newUID()),
        "creationTimestamp": .string(Timestamp.now().description),
      ]
    }
    try store.write { transaction in
      for role in roles {
        let key = StoreKey("clusterroles.\(api)", name: role.name)
        let rules = JSON.array(role.rules.map(\.json))
        guard let found = transaction.get(key)?.value else {
          transaction.put(key, ["metadata": metadata(role.name), "rules": rules])
          continue
        }
        let isOurs = found["metadata", "annotations"]["rbac.authorization.kubernetes.io/autoupdate"].string != "false"
        guard isOurs, found["rules"] != rules else { continue }
        var mended = found
        mended["rules"] = rules
        transaction.put(key, mended)
      }
      for binding in Self.bindings {
        let key = StoreKey("clusterrolebindings.\(api)", name: binding.role)
        guard transaction.get(key) == nil else { continue }
        let subjects = binding.groups.map { group -> JSON in
          ["kind": "Group", "apiGroup": .string(api), "name": .string(group)]
        }
        transaction.put(
          key,
          [
            "metadata": metadata(binding.role), "subjects": .array(subjects),
            "roleRef": ["apiGroup": .string(api), "kind": "ClusterRole", "name": .string(binding.role)],
          ])
      }
    }
  }
}
