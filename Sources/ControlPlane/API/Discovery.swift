internal import JSON

/// What the server serves, told the classic way (a list a group version) and the aggregated way (KEP-3352).
struct Discovery {
  private let kinds: [ResourceKind]

  static let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

  init(kinds: ResourceKinds) { self.kinds = kinds.all + Reviews.kinds }

  private func verbs(_ kind: ResourceKind) -> [String] { Reviews.isReview(kind) ? ["create"] : Self.verbs }

  private func verbs(_ subresource: ResourceKind.Subresource) -> [String] {
    switch subresource {
    case .status, .scale: ["get", "patch", "update"]
    case .binding, .eviction, .token: ["create"]
    case .finalize: ["update"]
    case .log: ["get"]
    case .exec, .attach, .portforward: ["create", "get"]
    }
  }

  /// The kind of a subresource's objects.
  private func kind(_ subresource: ResourceKind.Subresource, of kind: ResourceKind) -> ResourceKind {
    switch subresource {
    case .status, .finalize, .log: kind
    case .exec, .attach, .portforward: APIHandler.streamKinds[subresource] ?? kind
    case .scale: APIHandler.scaleKind
    case .binding: APIHandler.bindingKind
    case .eviction: APIHandler.evictionKind
    case .token: APIHandler.tokenKind
    }
  }

  private static func list(_ strings: [String]) -> JSON { .array(strings.map { .string($0) }) }

  var versions: JSON {
    [
      "kind": "APIVersions", "versions": ["v1"],
      "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": ""]],
    ]
  }

  /// Names of the groups but the core group, in order.
  private var groupNames: [String] {
    var seen: Set<String> = [""]
    return kinds.map(\.group).filter { seen.insert($0).inserted }
  }

  var groups: JSON {
    ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groupNames.compactMap(group))]
  }

  func group(_ name: String) -> JSON? {
    let versions = versions(name).map { version -> JSON in
      ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
    }
    guard !name.isEmpty, let preferred = versions.first else { return nil }
    return ["name": .string(name), "versions": .array(versions), "preferredVersion": preferred]
  }

  private func versions(_ group: String) -> [String] {
    var seen: Set<String> = []
    return kinds.filter { $0.group == group }.map(\.version).filter { seen.insert($0).inserted }
  }

  /// The APIResourceList of a group version.
  func resources(_ apiVersion: String) -> JSON? {
    let members = kinds.filter { $0.apiVersion == apiVersion }
    guard !members.isEmpty else { return nil }
    var resources: [JSON] = []
    for kind in members {
      var resource: JSON = [
        "name": .string(kind.plural), "singularName": .string(kind.singular), "namespaced": .bool(kind.isNamespaced),
        "kind": .string(kind.kind), "verbs": Self.list(verbs(kind)),
      ]
      if !kind.shortNames.isEmpty { resource["shortNames"] = Self.list(kind.shortNames) }
      if !kind.categories.isEmpty { resource["categories"] = Self.list(kind.categories) }
      resources.append(resource)
      for subresource in kind.subresources.sorted() {
        let shown = self.kind(subresource, of: kind)
        resources.append([
          "name": .string("\(kind.plural)/\(subresource)"), "singularName": "", "namespaced": .bool(kind.isNamespaced),
          "group": .string(shown.group), "version": .string(shown.version), "kind": .string(shown.kind),
          "verbs": Self.list(verbs(subresource)),
        ])
      }
    }
    return [
      "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(apiVersion),
      "resources": .array(resources),
    ]
  }

  /// An APIGroupDiscoveryList of the core group or of all others.
  func aggregated(isCore: Bool, version: String) -> JSON {
    let items = (isCore ? [""] : groupNames).map { group -> JSON in
      let versions = versions(group).map { version -> JSON in
        let members = kinds.filter { $0.group == group && $0.version == version }
        return [
          "version": .string(version), "freshness": "Current", "resources": .array(members.map(aggregated)),
        ]
      }
      let metadata: JSON =
        group.isEmpty ? ["creationTimestamp": nil] : ["name": .string(group), "creationTimestamp": nil]
      return ["metadata": metadata, "versions": .array(versions)]
    }
    return [
      "kind": "APIGroupDiscoveryList", "apiVersion": .string("apidiscovery.k8s.io/\(version)"), "metadata": [:],
      "items": .array(items),
    ]
  }

  private func responseKind(_ kind: ResourceKind) -> JSON {
    ["group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind)]
  }

  private func aggregated(_ kind: ResourceKind) -> JSON {
    var resource: JSON = [
      "resource": .string(kind.plural), "responseKind": responseKind(kind),
      "scope": kind.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(kind.singular),
      "verbs": Self.list(verbs(kind)),
    ]
    if !kind.shortNames.isEmpty { resource["shortNames"] = Self.list(kind.shortNames) }
    if !kind.categories.isEmpty { resource["categories"] = Self.list(kind.categories) }
    if !kind.subresources.isEmpty {
      resource["subresources"] = .array(
        kind.subresources.sorted().map { subresource in
          [
            "subresource": .string(subresource.rawValue),
            "responseKind": responseKind(self.kind(subresource, of: kind)),
            "verbs": Self.list(verbs(subresource)),
          ]
        })
    }
    return resource
  }
}
