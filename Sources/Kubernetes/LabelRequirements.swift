package import JSON

/// A LabelSelector object of the API (`matchLabels`, `matchExpressions`), ready to match. See meta/v1.
package struct LabelRequirements: Hashable, Sendable {
  private enum Requirement: Hashable, Sendable {
    case among(String, Set<String>)
    case notAmong(String, Set<String>)
    case exists(String)
    case absent(String)

    func matches(_ labels: [String: String]) -> Bool {
      switch self {
      case .among(let key, let values): labels[key].map(values.contains) ?? false
      case .notAmong(let key, let values): !(labels[key].map(values.contains) ?? false)
      case .exists(let key): labels[key] != nil
      case .absent(let key): labels[key] == nil
      }
    }
  }

  private var requirements: [Requirement] = []
  /// An operator that is not known: nothing matches, because more than the author wanted would be worse.
  private var isUnknown = false

  /// A selector object; absent (null) selects nothing, empty everything.
  package init(_ selector: JSON) {
    if selector.isNull { isUnknown = true }
    for (key, value) in selector["matchLabels"].stringMap { requirements.append(.among(key, [value])) }
    for expression in selector["matchExpressions"].elements {
      let key = expression["key"].string ?? ""
      let values = Set(expression["values"].elements.compactMap(\.string))
      switch expression["operator"].string {
      case "In": requirements.append(.among(key, values))
      case "NotIn": requirements.append(.notAmong(key, values))
      case "Exists": requirements.append(.exists(key))
      case "DoesNotExist": requirements.append(.absent(key))
      default: isUnknown = true
      }
    }
  }

  /// A map of labels as Services have it; an empty one selects nothing.
  package init(map: [String: String]) {
    isUnknown = map.isEmpty
    requirements = map.map { .among($0.key, [$0.value]) }
  }

  package var isEmpty: Bool { requirements.isEmpty && !isUnknown }

  package func matches(_ labels: [String: String]) -> Bool {
    !isUnknown && requirements.allSatisfy { $0.matches(labels) }
  }
}
