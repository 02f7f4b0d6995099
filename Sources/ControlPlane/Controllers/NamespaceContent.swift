internal import JSON
internal import Kubernetes

/// What is left in a namespace that is being deleted, and how its conditions tell it. Pure.
struct NamespaceContent: Equatable {
  /// Objects by kind.
  var remaining: [String: Int] = [:]
  /// Objects by finalizer that holds them.
  var finalizers: [String: Int] = [:]
  /// Kinds whose objects could not be listed or deleted, with the reason.
  var failures: [String] = []
  /// Groups of the API that could not be asked for their kinds.
  var undiscovered: [String] = []

  var isEmpty: Bool { remaining.isEmpty && failures.isEmpty && undiscovered.isEmpty }

  mutating func count(_ type: ResourceType, _ objects: [KubernetesObject]) {
    guard !objects.isEmpty else { return }
    remaining["\(type.plural).\(type.group)"] = objects.count
    for finalizer in objects.flatMap(\.finalizers) { finalizers[finalizer, default: 0] += 1 }
  }

  /// The five conditions `kubectl describe namespace` shows, by their names in core/v1.
  func conditions(_ previous: JSON, now: Timestamp) -> JSON {
    var conditions = Conditions(previous)
    func list(_ counts: [String: Int], _ what: String) -> String {
      counts.sorted { $0.key < $1.key }.map { "\($0.key) \(what) \($0.value) resource instances" }
        .joined(separator: ", ")
    }
    let all: [(type: String, trouble: String?, reason: String, well: (reason: String, message: String))] = [
      (
        "NamespaceDeletionDiscoveryFailure",
        undiscovered.isEmpty ? nil : "Discovery failed for: " + undiscovered.joined(separator: ", "),
        "DiscoveryFailed", ("ResourcesDiscovered", "All resources successfully discovered")
      ),
      (
        "NamespaceDeletionGroupVersionParsingFailure", nil, "GroupVersionParsingFailed",
        ("ParsedGroupVersions", "All group versions successfully parsed")
      ),
      (
        "NamespaceDeletionContentFailure",
        failures.isEmpty ? nil : "Failed to delete: " + failures.joined(separator: ", "), "ContentDeletionFailed",
        ("ContentDeleted", "All content successfully deleted, may be waiting on finalization")
      ),
      (
        "NamespaceContentRemaining",
        remaining.isEmpty ? nil : "Some resources are remaining: " + list(remaining, "has"), "SomeResourcesRemain",
        ("ContentRemoved", "All content successfully removed")
      ),
      (
        "NamespaceFinalizersRemaining",
        finalizers.isEmpty ? nil : "Some content has finalizers remaining: " + list(finalizers, "in"),
        "SomeFinalizersRemain", ("ContentHasNoFinalizers", "All content-preserving finalizers finished")
      ),
    ]
    for (type, trouble, reason, well) in all {
      conditions.set(
        type, trouble == nil ? "False" : "True", reason: trouble == nil ? well.reason : reason,
        message: trouble ?? well.message, now: now)
    }
    return conditions.json
  }
}
