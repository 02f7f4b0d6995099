internal import JSON

/// Label selectors as text for people: in Scale objects and tables.
enum LabelSelectorText {
  /// A `LabelSelector` object (or, with `isMap`, a plain map of labels) as text.
  static func text(of selector: JSON, isMap: Bool = false) -> String {
    var parts: [String] = []
    for (key, value) in (isMap ? selector : selector["matchLabels"]).stringMap.sorted(by: { $0.key < $1.key }) {
      parts.append("\(key)=\(value)")
    }
    if !isMap {
      for expression in selector["matchExpressions"].elements {
        let key = expression["key"].string ?? ""
        let values = expression["values"].elements.compactMap(\.string).sorted().joined(separator: ",")
        switch expression["operator"].string {
        case "In": parts.append("\(key) in (\(values))")
        case "NotIn": parts.append("\(key) notin (\(values))")
        case "DoesNotExist": parts.append("!\(key)")
        default: parts.append(key)
        }
      }
    }
    return parts.joined(separator: ",")
  }
}
