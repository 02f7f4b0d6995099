package import JSON

/// One rule of a Role or ClusterRole: what may be done to which resources, and why (which stays in the source).
package struct Grant: Hashable, Sendable {
  package var group: String
  /// With `/subresource` where that is meant.
  package var resources: [String]
  package var verbs: [String]
  /// Only objects of these names; empty: of any.
  package var names: [String]

  package init(_ group: String, _ resources: [String], _ verbs: [String], names: [String] = []) {
    self.group = group
    self.resources = resources
    self.verbs = verbs
    self.names = names
  }

  /// As RBAC has it (rbac.authorization.k8s.io/v1 PolicyRule).
  package var json: JSON {
    var rule: JSON = [
      "apiGroups": [.string(group)], "resources": .array(resources.map { .string($0) }),
    ]
    if !names.isEmpty { rule["resourceNames"] = .array(names.map { .string($0) }) }
    rule["verbs"] = .array(verbs.map { .string($0) })
    return rule
  }
}
