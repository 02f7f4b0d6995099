package import JSON

/// Verbs on resources or on paths that are allowed (rbac.authorization.k8s.io/v1 PolicyRule). `*` means all.
package struct AccessRule: Sendable, Hashable {
  var verbs: Set<String>
  var groups: Set<String> = []
  /// `pods`, `pods/log`, `*/scale`.
  var resources: Set<String> = []
  /// Empty: all names.
  var names: Set<String> = []
  /// `/healthz`, `/apis/*`.
  var paths: [String] = []

  init(_ verbs: Set<String>, groups: Set<String> = [""], _ resources: Set<String>, names: Set<String> = []) {
    self.verbs = verbs
    self.groups = groups
    self.resources = resources
    self.names = names
  }

  init(_ verbs: Set<String>, paths: [String]) {
    self.verbs = verbs
    self.paths = paths
  }

  /// One element of a role's `rules`.
  package init(_ json: JSON) {
    func set(_ field: String) -> Set<String> { Set(json[field].elements.compactMap(\.string)) }
    verbs = set("verbs")
    groups = set("apiGroups")
    resources = set("resources")
    names = set("resourceNames")
    paths = json["nonResourceURLs"].elements.compactMap(\.string)
  }

  /// As an element of `rules`.
  var json: JSON {
    func list(_ texts: some Sequence<String>) -> JSON { .array(texts.sorted().map { .string($0) }) }
    var json: JSON = ["verbs": list(verbs)]
    if !groups.isEmpty { json["apiGroups"] = list(groups) }
    if !resources.isEmpty { json["resources"] = list(resources) }
    if !names.isEmpty { json["resourceNames"] = list(names) }
    if !paths.isEmpty { json["nonResourceURLs"] = list(paths) }
    return json
  }

  private static func holds(_ set: Set<String>, _ value: String) -> Bool { set.contains("*") || set.contains(value) }

  private func matches(resource: String, subresource: String) -> Bool {
    if resources.contains("*") { return true }
    if subresource.isEmpty { return resources.contains(resource) }
    return resources.contains("\(resource)/\(subresource)") || resources.contains("*/\(subresource)")
  }

  private func matches(path: String) -> Bool {
    paths.contains { $0 == path || $0.hasSuffix("*") && path.hasPrefix($0.dropLast()) }
  }

  package func allows(_ request: AccessRequest) -> Bool {
    guard Self.holds(verbs, request.verb) else { return false }
    if let path = request.path { return matches(path: path) }
    return Self.holds(groups, request.group) && matches(resource: request.resource, subresource: request.subresource)
      && (names.isEmpty || names.contains(request.name))
  }

  /// True if these rules allow all that this one does: nobody may hand out more than he has.
  func isCovered(by rules: [AccessRule]) -> Bool {
    verbs.allSatisfy { verb in
      paths.allSatisfy { path in
        rules.contains { Self.holds($0.verbs, verb) && ($0.paths.contains(path) || $0.matches(path: path)) }
      }
        && groups.allSatisfy { group in
          resources.allSatisfy { resource in
            (names.isEmpty ? [""] : Array(names)).allSatisfy { name in
              rules.contains { rule in
                let parts = resource.split(separator: "/", maxSplits: 1).map(String.init)
                return Self.holds(rule.verbs, verb) && Self.holds(rule.groups, group)
                  && rule.matches(resource: parts.first ?? "", subresource: parts.count > 1 ? parts[1] : "")
                  && (rule.names.isEmpty || rule.names.contains(name))
              }
            }
          }
        }
    }
  }
}
