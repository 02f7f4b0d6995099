/// One kind of object the API serves, in one version.
package struct ResourceKind: Sendable {
  package let group: String
  package let version: String
  package let kind: String
  /// The name in URLs.
  package let plural: String
  package let singular: String
  package let shortNames: [String]
  package let categories: [String]
  package let isNamespaced: Bool
  package let subresources: Set<Subresource>
  /// The message of `Schema` that describes it.
  package let schema: String
  /// `metadata.generation` counts changes of everything but metadata and status.
  package let hasGeneration: Bool

  package enum Subresource: String, Sendable, CaseIterable, Comparable {
    case status, scale, binding, eviction, finalize, token
    case log, exec, attach, portforward

    /// It is the node that answers, with bytes and not with objects.
    package var isStream: Bool { [.log, .exec, .attach, .portforward].contains(self) }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  init(
    _ group: String, _ version: String, _ kind: String, _ plural: String, short: [String] = [],
    categories: [String] = [], cluster: Bool = false, generation: Bool = false, _ subresources: [Subresource] = [],
    schema: String? = nil
  ) {
    self.group = group
    self.version = version
    self.kind = kind
    self.plural = plural
    singular = kind.lowercased()
    shortNames = short
    self.categories = categories
    isNamespaced = !cluster
    self.subresources = Set(subresources)
    self.schema = schema ?? kind
    hasGeneration = generation
  }

  /// `v1` or `apps/v1`.
  package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
  /// `pods` or `deployments.apps`: the name of its objects in errors and in the store, whatever the version.
  package var qualifiedName: String { group.isEmpty ? plural : "\(plural).\(group)" }
  /// Where its objects are kept. Events of both groups are the same objects.
  package var storage: String { plural == "events" ? "events" : qualifiedName }

  package func key(_ namespace: String?, _ name: String) -> StoreKey {
    StoreKey(storage, namespace: isNamespaced ? namespace ?? "" : "", name: name)
  }
}
