/// A label selector (LabelSelector of meta/v1, and the `labelSelector` query parameter). All requirements must hold; none
/// selects everything.
public struct LabelSelector: Hashable, Sendable {
  public enum Requirement: Hashable, Sendable {
    case `in`(key: String, values: Set<String>)
    /// Also holds where the label is absent.
    case notIn(key: String, values: Set<String>)
    case exists(key: String)
    case doesNotExist(key: String)

    public func matches(_ labels: [String: String]) -> Bool {
      switch self {
      case .in(let key, let values): labels[key].map(values.contains) ?? false
      case .notIn(let key, let values): !(labels[key].map(values.contains) ?? false)
      case .exists(let key): labels[key] != nil
      case .doesNotExist(let key): labels[key] == nil
      }
    }
  }

  public var requirements: Set<Requirement>

  public init(_ requirements: Set<Requirement> = []) { self.requirements = requirements }
  public init(matchLabels: [String: String]) {
    requirements = Set(matchLabels.map { .in(key: $0.key, values: [$0.value]) })
  }

  public func matches(_ labels: [String: String]) -> Bool { requirements.allSatisfy { $0.matches(labels) } }
}
