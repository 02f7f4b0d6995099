package import JSON

/// A label selector (LabelSelector of meta/v1, and the `labelSelector` query parameter). All requirements must hold; none
/// selects everything.
package struct LabelSelector: Hashable, Sendable {
  package enum Requirement: Hashable, Sendable {
    case `in`(key: String, values: Set<String>)
    /// Also holds where the label is absent.
    case notIn(key: String, values: Set<String>)
    case exists(key: String)
    case doesNotExist(key: String)
    /// The label's value is a number above this one; in queries only.
    case greater(key: String, than: Int64)
    /// The label's value is a number below this one; in queries only.
    case less(key: String, than: Int64)

    package func matches(_ labels: [String: String]) -> Bool { matches { labels[$0] } }

    fileprivate func matches(_ label: (String) -> String?) -> Bool {
      switch self {
      case .in(let key, let values): label(key).map(values.contains) ?? false
      case .notIn(let key, let values): !(label(key).map(values.contains) ?? false)
      case .exists(let key): label(key) != nil
      case .doesNotExist(let key): label(key) == nil
      case .greater(let key, let limit): label(key).flatMap { Int64($0) }.map { $0 > limit } ?? false
      case .less(let key, let limit): label(key).flatMap { Int64($0) }.map { $0 < limit } ?? false
      }
    }
  }

  package var requirements: Set<Requirement>

  package init(_ requirements: Set<Requirement> = []) { self.requirements = requirements }
  package init(matchLabels: [String: String]) {
    requirements = Set(matchLabels.map { .in(key: $0.key, values: [$0.value]) })
  }

  package func matches(_ labels: [String: String]) -> Bool { requirements.allSatisfy { $0.matches(labels) } }

  /// The same for the member `metadata.labels` of an object, without making a dictionary of it.
  package func matches(_ labels: JSON) -> Bool {
    requirements.allSatisfy { requirement in requirement.matches { labels[$0].string } }
  }
}
