extension LabelSelector: CustomStringConvertible {
  /// The form that `init(parsing:)` reads, in the order of keys; "{}" for the selector of everything.
  package var description: String {
    if requirements.isEmpty { return "{}" }
    return requirements.map(\.description).sorted().joined(separator: ",")
  }
}

extension LabelSelector.Requirement: CustomStringConvertible {
  /// One requirement as the query parameter writes it.
  package var description: String {
    switch self {
    case .in(let key, let values) where values.count == 1: "\(key)=\(values.first!)"
    case .notIn(let key, let values) where values.count == 1: "\(key)!=\(values.first!)"
    case .in(let key, let values): "\(key) in (\(values.sorted().joined(separator: ",")))"
    case .notIn(let key, let values): "\(key) notin (\(values.sorted().joined(separator: ",")))"
    case .exists(let key): key
    case .doesNotExist(let key): "!\(key)"
    case .greater(let key, let limit): "\(key)>\(limit)"
    case .less(let key, let limit): "\(key)<\(limit)"
    }
  }
}
